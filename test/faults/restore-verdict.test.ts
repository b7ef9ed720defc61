import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService } from 'express-db-backup';
import { expect, it } from 'vitest';
import { startFixture } from '../helpers/fixture-process.js';
import { keepAll } from '../helpers/invariants.js';
import { createKillBench, newSeed, rows } from '../helpers/kill-bench.js';
import { generations, inspect } from '../helpers/live-database.js';

const kills = 40;
const seed = newSeed();

it(`the start after a SIGKILL in a restore, ${kills} times, tells old where it is old and new where it is new (seed ${seed})`, async () => {
  const bench = await createKillBench(seed);
  const { folder, databaseFile, directory, database, first, second } = bench;
  const verdicts: string[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const before = generations(database);
    const [filename, after] = before === `first:${rows}` ? [second, `second:${rows}`] : [first, `first:${rows}`];
    const app = await startFixture('app', folder, JSON.stringify({ retention: keepAll }));
    app.send({ type: 'call', verb: 'restore', parameters: [filename] });
    for (let phase: unknown; phase !== 'waiting for the write lock' && phase !== 'done'; )
      ({ phase } = await app.next('operation'));
    await delay(bench.random(150));
    await app.kill();
    const service = createBackupService({ database: databaseFile, directory, retention: keepAll });
    const { interruptedRestore } = await service.start();
    const now = generations(database);
    if (interruptedRestore === null) expect(now).toBe(after);
    else {
      expect(interruptedRestore).toMatchObject({ restored: filename, live: now === after ? 'new' : 'old' });
      if (now === after) expect(inspect(`${directory}/${interruptedRestore.safetyBackup}`, generations)).toBe(before);
    }
    verdicts.push(interruptedRestore?.live ?? 'done');
    await service.close();
  }
  expect(new Set(verdicts).size).toBeGreaterThan(1);
  expect(verdicts).not.toContain('unknown');
}, 240_000);
