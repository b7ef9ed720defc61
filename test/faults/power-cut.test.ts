import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { CuttableDisk } from '../helpers/faults/cuttable-disk.js';
import { canMount } from '../helpers/faults/disk.js';
import { legalOf, type Outcome, type Running, startScenario } from '../helpers/faults/run-scenario.js';
import { type Prepared, type Scenario, scenarios } from '../helpers/faults/scenarios.js';
import { tally } from '../helpers/faults/tally.js';
import { contentOutside, expectInvariants, liveContent } from '../helpers/invariants.js';
import { newSeed, randomNumbers } from '../helpers/kill-bench.js';

const cutsAtRandom = 25;
const cutsAfterAnswer = 8;
const seed = newSeed();
const cases = Object.entries(scenarios);

async function measure(disk: CuttableDisk, scenario: Scenario): Promise<number> {
  let durationMs = 0;
  await disk.cut(
    async (app) => {
      const startedAt = performance.now();
      const running = await startScenario(scenario, app);
      expect((await running.outcome).type).toBe('done');
      durationMs = performance.now() - startedAt;
      return running;
    },
    async () => undefined,
  );
  return durationMs;
}

async function expectSurvival(
  scenario: Scenario,
  app: Prepared,
  running: Running,
  outside: Record<string, string>,
  told: string,
): Promise<void> {
  await expectInvariants(app, { ...legalOf(scenario), acknowledged: running.acknowledged, outside }, told);
}

async function expectDone(scenario: Scenario, app: Prepared, outcome: Outcome, told: string): Promise<void> {
  expect(outcome.type, told).toBe('done');
  expect(scenario.isDone(app, outcome.value, liveContent(app)), told).toBe(true);
}

describe.runIf(canMount('loop'))(`a power cut (seed ${seed})`, () => {
  it.each(cases)(
    `at a random moment of a %s, ${cutsAtRandom} times, leaves all old or all new`,
    async (name, scenario) => {
      const disk = await CuttableDisk.with(scenario);
      const durationMs = await measure(disk, scenario);
      const random = randomNumbers(seed);
      for (let cut = 0; cut < cutsAtRandom; cut++) {
        const afterMs = random(durationMs);
        const told = `seed ${seed}, ${name} ${cut}, cut after ${afterMs.toFixed(1)} ms`;
        let outside = {};
        await disk.cut(
          async (app) => {
            outside = contentOutside(app);
            const running = await startScenario(scenario, app);
            await delay(afterMs);
            return running;
          },
          (app, running) => expectSurvival(scenario, app, running, outside, told),
        );
      }
      tally('power cuts', cutsAtRandom);
    },
    300_000,
  );

  it.each(cases)(
    `right after the answer of a %s, ${cutsAfterAnswer} times, undoes nothing of it`,
    async (name, scenario) => {
      const disk = await CuttableDisk.with(scenario);
      for (let cut = 0; cut < cutsAfterAnswer; cut++) await cutAfterAnswer(disk, scenario, `${name} ${cut}`);
      tally('power cuts', cutsAfterAnswer);
    },
    300_000,
  );

  it(`right after the answer of a restore whose checkpoint a long reader holds up, ${cutsAfterAnswer} times, undoes nothing of it`, async () => {
    const { restore } = scenarios;
    if (restore === undefined) throw new Error('There is no such scenario.');
    const disk = await CuttableDisk.with(restore);
    for (let cut = 0; cut < cutsAfterAnswer; cut++) {
      const outcome = await cutAfterAnswer(disk, restore, `long reader ${cut}`, ({ databaseFile }) => {
        const reader = new Database(databaseFile);
        reader.exec('BEGIN; SELECT count(*) FROM items');
        return () => void reader.close();
      });
      expect(outcome.value).toMatchObject({ checkpointPending: true });
    }
    tally('power cuts', cutsAfterAnswer);
  }, 300_000);
});

async function cutAfterAnswer(
  disk: CuttableDisk,
  scenario: Scenario,
  told: string,
  disturb: (app: Prepared) => () => void = () => () => undefined,
): Promise<Outcome> {
  let outside = {};
  let answer: Outcome = { type: 'stuck' };
  let settle = (): void => undefined;
  await disk.cut(
    async (app) => {
      outside = contentOutside(app);
      settle = disturb(app);
      const running = await startScenario(scenario, app);
      answer = await running.outcome;
      return running;
    },
    async (app, running) => {
      settle();
      await expectDone(scenario, app, answer, told);
      await expectSurvival(scenario, app, running, outside, told);
    },
  );
  return answer;
}
