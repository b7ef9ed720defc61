import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { tally } from '../helpers/faults/tally.js';
import { type FixtureProcess, startFixture } from '../helpers/fixture-process.js';
import { keepAll } from '../helpers/invariants.js';
import {
  acknowledge,
  addOldBackups,
  createKillBench,
  expectInvariants,
  type KillBench,
  kills,
  mostAttempts,
  newSeed,
  rows,
} from '../helpers/kill-bench.js';
import { generations } from '../helpers/live-database.js';

const seed = newSeed();

interface Call {
  readonly verb: string;
  readonly parameters: unknown[];
}
const calls: Record<string, (bench: KillBench) => Call> = {
  create: () => ({ verb: 'create', parameters: [] }),
  restore: ({ database, first, second }) => ({
    verb: 'restore',
    parameters: [generations(database) === `first:${rows}` ? second : first],
  }),
  upload: ({ foreign }) => ({ verb: 'importFile', parameters: [foreign] }),
  cleanup: (bench) => {
    addOldBackups(bench, 12);
    return { verb: 'cleanup', parameters: [] };
  },
};

async function startApp({ folder }: KillBench, verb: string): Promise<FixtureProcess> {
  const retention = verb === 'cleanup' ? { keep: 2 } : keepAll;
  return startFixture('app', folder, JSON.stringify({ retention }));
}

/** The service starts, then the operation begins; from there on the moments are counted. */
async function begin(app: FixtureProcess, call: Call): Promise<void> {
  app.send({ type: 'call', verb: 'start' });
  await app.next('done');
  app.send({ type: 'call', ...call });
  await app.next('operation');
}

async function measure(bench: KillBench, call: Call): Promise<number> {
  const app = await startApp(bench, call.verb);
  await begin(app, call);
  const startedAt = performance.now();
  await app.next('done');
  await app.kill();
  return performance.now() - startedAt;
}

async function killDuring(app: FixtureProcess, call: Call, afterMs: number): Promise<'killed' | 'ended'> {
  await begin(app, call);
  const outcome = app.next('done', 'failed').then(
    ({ type, ...facts }) => {
      expect(type, JSON.stringify(facts)).toBe('done');
      return 'ended' as const;
    },
    () => 'killed' as const,
  );
  await delay(afterMs);
  await app.kill();
  return outcome;
}

describe(`SIGKILL of the whole application at a random moment (seed ${seed})`, () => {
  it.each(Object.entries(calls))(
    `of a %s, ${kills} times, leaves all old or all new`,
    async (name, toCall) => {
      const bench = await createKillBench(seed);
      const durationMs = await measure(bench, toCall(bench));
      const acknowledged: string[] = [];
      let hits = 0;
      let nextApp = startApp(bench, name);
      for (let attempt = 0; attempt < mostAttempts && hits < kills; attempt++) {
        const app = await nextApp;
        nextApp = startApp(bench, name);
        nextApp.catch(() => undefined); // A test that fails meanwhile ends it.
        const afterMs = bench.random(durationMs);
        const told = `seed ${seed}, ${name} ${attempt}, killed after ${afterMs.toFixed(1)} ms`;
        acknowledge(bench.database, told);
        acknowledged.push(told);
        if ((await killDuring(app, toCall(bench), afterMs)) === 'killed') hits++;
        await expectInvariants(bench, acknowledged, told);
      }
      expect(hits).toBe(kills);
      tally('kills at a random moment', hits);
      await (await nextApp).kill();
    },
    240_000,
  );
});
