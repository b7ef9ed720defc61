import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { childrenOf } from '../helpers/child-processes.js';
import { tally } from '../helpers/faults/tally.js';
import {
  acknowledge,
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

type Verb = (bench: KillBench) => Promise<unknown>;
const verbs: Record<string, Verb> = {
  create: ({ service }) => service.create(),
  restore: ({ service, database, first, second }) =>
    service.restore(generations(database) === `first:${rows}` ? second : first),
  upload: ({ service, foreign }) => service.importFile(foreign),
};

async function measure(bench: KillBench, verb: Verb): Promise<number> {
  const startedAt = performance.now();
  await verb(bench);
  return performance.now() - startedAt;
}

/** Kills the process that works for the operation after so many milliseconds, or the first one after that. */
async function killDuring(operation: Promise<unknown>, afterMs: number): Promise<'killed' | 'ended'> {
  let ended = false;
  const settled = operation.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
  void settled.then(() => {
    ended = true;
  });
  await delay(afterMs);
  while (!ended) {
    const [child] = childrenOf(process.pid);
    if (child !== undefined) {
      process.kill(child, 'SIGKILL');
      break;
    }
    await delay(1);
  }
  const code = await settled;
  expect([undefined, 'engine_crashed']).toContain(code);
  return code === undefined ? 'ended' : 'killed';
}

describe(`SIGKILL of the child process at a random moment (seed ${seed})`, () => {
  it.each(Object.entries(verbs))(
    `of a %s, ${kills} times, leaves all old or all new`,
    async (name, verb) => {
      const bench = await createKillBench(seed);
      const durationMs = await measure(bench, verb);
      const acknowledged: string[] = [];
      let hits = 0;
      for (let attempt = 0; attempt < mostAttempts && hits < kills; attempt++) {
        const afterMs = bench.random(durationMs);
        const told = `seed ${seed}, ${name} ${attempt}, killed after ${afterMs.toFixed(1)} ms`;
        acknowledge(bench.database, told);
        acknowledged.push(told);
        if ((await killDuring(verb(bench), afterMs)) === 'killed') hits++;
        await expectInvariants(bench, acknowledged, told);
      }
      expect(hits).toBe(kills);
      tally('kills at a random moment', hits);
      await expect(verb(bench)).resolves.toBeDefined();
    },
    180_000,
  );
});
