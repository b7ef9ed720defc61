import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { auditEntries, createTrail, trailIn } from '../helpers/audit.js';
import { type FixtureProcess, startFixture } from '../helpers/fixture-process.js';
import { newSeed, randomNumbers } from '../helpers/kill-bench.js';

const writers = 3;
const each = 60;
const kills = 25;
const options = { maxBytes: 20_000, maxFiles: 100 };

const writtenBy = (directory: string, told: string): string[] =>
  auditEntries(directory, told).flatMap(({ action, by }) => (action === 'create' && by !== null ? [by] : []));

it('several processes that append at once, and rotate, lose and double nothing', async () => {
  const { directory, trail } = createTrail(options);
  const names = Array.from({ length: writers }, (_, index) => `writer${index}`);
  const apps = await Promise.all(names.map((name) => startFixture('audit-writer', directory, name, String(each))));
  for (const app of apps) app.send({ type: 'go' });
  for (const app of apps) expect(await app.next('done', 'fault')).toEqual({ type: 'done' });
  const expected = names.flatMap((name) => Array.from({ length: each }, (_, index) => `${name} ${index + 1}`));
  expect(writtenBy(directory, 'at once').sort()).toEqual(expected.sort());
  expect(await trail.check()).toMatchObject({ ok: true });
});

async function acknowledgedUntilKilled(app: FixtureProcess, afterMs: number): Promise<string[]> {
  const told: string[] = [];
  app.send({ type: 'go' });
  told.push(String((await app.next('acknowledged')).by));
  await delay(afterMs);
  await app.kill();
  for (;;) {
    const message = await app.next('acknowledged').catch(() => null);
    if (message === null) return told;
    told.push(String(message.by));
  }
}

it(`a writer that is killed, ${kills} times at a random moment, leaves a whole chain with every entry it told of`, async () => {
  const seed = newSeed();
  const random = randomNumbers(seed);
  const { directory } = createTrail(options);
  const acknowledged: string[] = [];
  let nextApp = startFixture('audit-writer', directory, 'kill0');
  for (let kill = 0; kill < kills; kill++) {
    const app = await nextApp;
    nextApp = startFixture('audit-writer', directory, `kill${kill + 1}`);
    const afterMs = random(60);
    const told = `seed ${seed}, kill ${kill} after ${afterMs.toFixed(1)} ms`;
    acknowledged.push(...(await acknowledgedUntilKilled(app, afterMs)));
    expect(await trailIn(directory, options).trail.check(), told).toMatchObject({ ok: true });
    const written = writtenBy(directory, told);
    expect(
      acknowledged.filter((by) => !written.includes(by)),
      told,
    ).toEqual([]);
    expect(new Set(written).size, told).toBe(written.length);
  }
  await (await nextApp).kill();
});
