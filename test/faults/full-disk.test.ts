import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canMount, mountPlace, mountTmpfs } from '../helpers/faults/disk.js';
import { type Ended, type RunOptions, runScenario } from '../helpers/faults/run-scenario.js';
import { type Prepared, prepareApp, type Scenario, scenarios, within } from '../helpers/faults/scenarios.js';
import { tally } from '../helpers/faults/tally.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const kibibyte = 1024;
/** From nothing left to enough for all that is written. */
const bytesLeft = [0, 4, 8, 12, 16, 20, 28, 36, 52, 68, 100, 132, 196, 260].map((kibibytes) => kibibytes * kibibyte);
const inodesLeft = [0, 1, 2, 3, 4, 5, 6, 8];
const fills = [
  { what: 'bytes', amounts: bytesLeft },
  { what: 'inodes', amounts: inodesLeft },
] as const;
const { create, restore, upload, cleanup, remove } = scenarios;
const writers = Object.entries({
  create,
  restore,
  upload,
  'restore with a rollback journal': scenarios['restore with a rollback journal'],
  'restore over a damaged file': scenarios['restore over a damaged file'],
});
const removers = fills.flatMap(({ what }) =>
  Object.entries({ cleanup, remove }).map(([name, scenario]) => ({ name, scenario: required(scenario), what })),
);
const cases = fills.flatMap((fill) =>
  writers.map(([name, scenario]) => ({ name, scenario: required(scenario), ...fill })),
);

function required(scenario: Scenario | undefined): Scenario {
  if (scenario === undefined) throw new Error('There is no such scenario.');
  return scenario;
}

/** Runs a scenario on a small disk of its own, which is emptied again before anything is looked at. */
async function onSmallDisk(scenario: Scenario): Promise<(told: string, options?: RunOptions) => Promise<Ended>> {
  const template = await prepareApp(temporaryFolder(), scenario);
  const disk = join(mountPlace(), 'disk');
  mountTmpfs(disk, 'size=16m,nr_inodes=400');
  return async (told, options = {}) => {
    const app: Prepared = within(join(disk, 'app'), template);
    cpSync(template.folder, app.folder, { recursive: true });
    const emptyDisk = (): void => rmSync(join(disk, 'filler'), { recursive: true, force: true });
    const ended = await runScenario(scenario, app, told, { ...options, onEnd: emptyDisk });
    rmSync(app.folder, { recursive: true });
    return ended;
  };
}

describe.runIf(canMount('tmpfs'))('a disk that others fill', () => {
  it.each(cases)(
    'until few $what are left, in any phase of a $name, makes it insufficient_storage or changes nothing',
    async ({ scenario, what, amounts }) => {
      const run = await onSmallDisk(scenario);
      const { phases } = await run('undisturbed');
      let full = 0;
      for (const phase of phases) {
        for (const leave of amounts) {
          const told = `${leave} ${what} left in phase ${phase}`;
          const { type, code, message } = await run(told, { fill: { phase, what, leave } });
          if (type === 'done') continue;
          expect({ type, code }, `${told}: ${message}`).toEqual({ type: 'failed', code: 'insufficient_storage' });
          full++;
        }
      }
      expect(full).toBeGreaterThan(0);
      tally('full, small and read-only disks', phases.length * amounts.length);
    },
    300_000,
  );

  it.each(removers)('until no $what are left does not keep a $name from freeing it', async ({ scenario, what }) => {
    const run = await onSmallDisk(scenario);
    const { type, code } = await run(`no ${what} left`, { fill: { phase: 'starting', what, leave: 0 } });
    expect({ type, code }).toEqual({ type: 'done' });
    tally('full, small and read-only disks', 1);
  });
});
