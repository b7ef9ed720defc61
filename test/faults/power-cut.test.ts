import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { canMount, copyAtOneMoment, makeExt4, mountImage, mountPlace, unmount } from '../helpers/faults/disk.js';
import { legal, type Outcome, type Running, startScenario } from '../helpers/faults/run-scenario.js';
import { type Prepared, prepareApp, type Scenario, scenarios, within } from '../helpers/faults/scenarios.js';
import { leftOut, tally } from '../helpers/faults/tally.js';
import { childrenOf } from '../helpers/fixture-process.js';
import { contentOutside, expectInvariants, lookAtLive } from '../helpers/invariants.js';
import { newSeed, randomNumbers } from '../helpers/kill-bench.js';
import { generations } from '../helpers/live-database.js';

const cutsAtRandom = 25;
const cutsAfterAnswer = 8;
const imageMebibytes = 32;
const seed = newSeed();
const cases = Object.entries(scenarios);

/** A disk whose power can be cut: ext4 in an image in memory, in which nothing is but what was submitted to it. */
class Disk {
  readonly #place: string;
  readonly #base: string;
  readonly #template: Prepared;
  #cuts = 0;

  private constructor(place: string, base: string, template: Prepared) {
    this.#place = place;
    this.#base = base;
    this.#template = template;
  }

  static async with(scenario: Scenario): Promise<Disk> {
    const place = mountPlace();
    const base = join(place, 'base.img');
    makeExt4(base, imageMebibytes);
    const at = join(place, 'base');
    mountImage(base, at);
    const template = await prepareApp(at, scenario);
    unmount(at);
    return new Disk(place, base, template);
  }

  /** Mounts a fresh copy, runs `work` in it, cuts the power, and looks at what a machine finds that starts again. */
  async cut(
    work: (app: Prepared) => Promise<Running>,
    look: (app: Prepared, running: Running) => Promise<void>,
  ): Promise<void> {
    const number = ++this.#cuts;
    const [disk, after] = [join(this.#place, `disk-${number}`), join(this.#place, `after-${number}`)];
    copyFileSync(this.#base, `${disk}.img`);
    mountImage(`${disk}.img`, disk);
    const running = await work(this.#appAt(disk));
    await stopAndCopy(running, `${disk}.img`, `${after}.img`);
    unmount(disk);
    mountImage(`${after}.img`, after);
    await look(this.#appAt(after), running);
    unmount(after);
    rmSync(`${disk}.img`);
    rmSync(`${after}.img`);
  }

  #appAt(disk: string): Prepared {
    return within(join(disk, this.#template.folder.slice(join(this.#place, 'base').length)), this.#template);
  }
}

/** Stops everything at once, takes what reached the disk, and lets nobody go on. */
async function stopAndCopy({ application }: Running, image: string, copy: string): Promise<void> {
  const pids = [application.pid, ...childrenOf(application.pid)];
  for (const pid of pids) signal(pid, 'SIGSTOP');
  copyAtOneMoment(image, copy);
  for (const pid of pids.slice(1)) signal(pid, 'SIGKILL');
  await application.kill();
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

async function measure(disk: Disk, scenario: Scenario): Promise<number> {
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
  app: Prepared,
  running: Running,
  outside: Record<string, string>,
  told: string,
): Promise<void> {
  await expectInvariants(app, { ...legal, acknowledged: running.acknowledged, outside }, told);
}

async function expectDone(scenario: Scenario, app: Prepared, outcome: Outcome, told: string): Promise<void> {
  expect(outcome.type, told).toBe('done');
  expect(scenario.isDone(app, outcome.value, lookAtLive(app.databaseFile, generations)), told).toBe(true);
}

describe.runIf(canMount('loop'))(`a power cut (seed ${seed})`, () => {
  it.each(cases)(
    `at a random moment of a %s, ${cutsAtRandom} times, leaves all old or all new`,
    async (name, scenario) => {
      const disk = await Disk.with(scenario);
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
          (app, running) => expectSurvival(app, running, outside, told),
        );
      }
      tally('power cuts', cutsAtRandom);
    },
    300_000,
  );

  it.each(cases)(
    `right after the answer of a %s, ${cutsAfterAnswer} times, undoes nothing of it`,
    async (name, scenario) => {
      const disk = await Disk.with(scenario);
      for (let cut = 0; cut < cutsAfterAnswer; cut++) await cutAfterAnswer(disk, scenario, `${name} ${cut}`);
      tally('power cuts', cutsAfterAnswer);
    },
    300_000,
  );

  it(`right after the answer of a restore whose checkpoint a long reader holds up, ${cutsAfterAnswer} times, undoes nothing of it`, async () => {
    const { restore } = scenarios;
    if (restore === undefined) throw new Error('There is no such scenario.');
    const disk = await Disk.with(restore);
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
  disk: Disk,
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
      await expectSurvival(app, running, outside, told);
    },
  );
  return answer;
}

leftOut(
  !canMount('loop'),
  'loop devices cannot be mounted here',
  cases.map(([name]) => `${cutsAtRandom + cutsAfterAnswer} power cuts of a ${name}`),
);
