import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService } from 'express-db-backup';
import { expect, it } from 'vitest';
import { startFixture } from '../helpers/fixture-process.js';
import { openDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** One second of ours is so many of theirs: an hour passes in two minutes. */
const speed = 30;
const slots = 60;

it('four workers of a cluster make one backup a slot for an hour', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'app.db');
  openDatabase(database, { rows: 10 });
  const options = { schedule: { cron: '* * * * *' }, retention: { keep: 1_000 }, verifyEvery: false };
  const cluster = await startFixture('accelerated-worker', folder, JSON.stringify(options), String(speed));
  const told: unknown[] = [];
  const listen = async (): Promise<never> => {
    for (;;) told.push(await cluster.next('schedule.missed', 'backup.failed', 'internal.error'));
  };
  const listening = listen().catch(() => undefined);
  await delay(((slots + 2) * 60_000) / speed);
  cluster.send({ type: 'stop' });
  await delay(2_000);
  await cluster.kill();
  await listening;
  const service = createBackupService({ database, directory: join(folder, 'backups') });
  const { backups } = await service.list({ limit: 500, order: 'asc' });
  await service.close();
  const minutes = backups.map(({ createdAt }) => Math.floor(Date.parse(createdAt) / 60_000));
  expect(new Set(minutes).size).toBe(minutes.length);
  expect(told).toEqual([]);
  const gaps = minutes.slice(1).map((minute, index) => minute - (minutes[index] ?? 0));
  expect(new Set(gaps)).toEqual(new Set([1]));
  expect(minutes.length).toBeGreaterThanOrEqual(slots);
}, 240_000);
