import { describe, expect, it } from 'vitest';
import { mapLimited } from '../../dist/system/map-limited.js';
import { EveryCall, type Shot } from '../helpers/faults/every-call.js';
import { scenarios } from '../helpers/faults/scenarios.js';
import { type Call, canTrace, changingCalls } from '../helpers/faults/strace.js';
import { tally } from '../helpers/faults/tally.js';

const parallelRuns = 2;
const cases = ['ENOSPC', 'EIO'].flatMap((error) =>
  Object.entries(scenarios).map(([name, scenario]) => ({ error, name, scenario })),
);

/** SQLite tells that a file could not be opened, synced or truncated, but not why. */
const sqliteFile = /\.(db|lock)(-journal|-wal|-shm)?["> ]/;

function allowedCodes(error: string, { text }: Call): string[] {
  const fitting = error === 'ENOSPC' ? ['insufficient_storage'] : ['internal_error'];
  if (!sqliteFile.test(text)) return fitting;
  return [...fitting, 'internal_error', ...(text.includes('.lock"') ? ['vault_read_only'] : [])];
}

/** An operation that met the fault says so with a fitting code, or it is done all the same, which is checked by each run. */
function expectTrueAnswer({ aim, ended, met }: Shot, error: string): void {
  const told = `${aim.victim}, ${met.map(({ text }) => text).join()}: ${JSON.stringify(ended)}`;
  expect(['done', 'failed'], told).toContain(ended.type);
  if (ended.type === 'failed')
    expect(
      met.flatMap((call) => allowedCodes(error, call)),
      told,
    ).toContain(ended.code);
}

const createsOrChanges = ({ name, text }: Call): boolean => name !== 'openat' || text.includes('O_CREAT');

describe.runIf(canTrace())('a system call that fails', () => {
  it.each(cases)(
    'with $error, each in turn of a $name, ends it with that code or changes nothing',
    async ({ error, scenario }) => {
      const bench = await EveryCall.of(scenario);
      const positions = await bench.positions([...changingCalls, 'openat'], createsOrChanges);
      const aims = positions
        .filter(({ ambiguous }) => !ambiguous)
        .map((position) => ({ ...position, effect: `error=${error}` }));
      const shots = await mapLimited(aims, parallelRuns, (aim) => bench.shoot(aim));
      const met = shots.filter(({ fault }) => fault === 'met');
      for (const shot of met) expectTrueAnswer(shot, error);
      // With every call traced an operation takes longer, and writes down its progress a few times more.
      const fired = shots.filter(({ fault }) => fault !== 'passed');
      expect(fired.length).toBeGreaterThan(aims.length * 0.8);
      expect(met.length).toBeGreaterThan(fired.length * 0.8);
      tally(`injected ${error}`, met.length);
    },
    600_000,
  );
});
