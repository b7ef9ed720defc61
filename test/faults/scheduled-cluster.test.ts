import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService } from 'express-db-backup';
import { expect, it } from 'vitest';
import { startFixture } from '../helpers/fixture-process.js';
import { openDatabase } from '../helpers/live-database.js';
import { startReceiver } from '../helpers/receiver.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { summary } from '../helpers/told.js';

/** One second of ours is so many of theirs: an hour passes in three minutes. */
const speed = 20;
const minuteMs = 60_000 / speed;
/** So many are made; the machine may take what time it needs to start the workers. */
const slots = 60;
const troubleAndRecovery = 2;

it('four workers of a cluster make one backup a slot for an hour, and tell of each thing once', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'app.db');
  openDatabase(database, { rows: 10 });
  const receiver = await startReceiver();
  const options = { schedule: { cron: '* * * * *' }, retention: { keep: 1_000 }, verifyEvery: false };
  const parameters = [folder, JSON.stringify(options), String(speed), receiver.origin];
  const cluster = await startFixture('accelerated-worker', ...parameters);
  const told: unknown[] = [];
  const listen = async (): Promise<never> => {
    for (;;) told.push(await cluster.next('schedule.missed', 'internal.error'));
  };
  const listening = listen().catch(() => undefined);
  await receiver.until(slots / 2);
  renameSync(database, `${database}.away`);
  await delay(5 * minuteMs);
  renameSync(`${database}.away`, database);
  await receiver.until(slots + troubleAndRecovery);
  cluster.send({ type: 'stop' });
  await delay(2_000);
  await cluster.kill();
  await listening;
  expect(told).toEqual([]);

  const service = createBackupService({ database, directory: join(folder, 'backups') });
  const { backups } = await service.list({ limit: 500, order: 'asc' });
  await service.close();
  const minutes = backups.map(({ createdAt }) => Math.floor(Date.parse(createdAt) / 60_000));
  expect(new Set(minutes).size).toBe(minutes.length);
  expect(minutes.length).toBeGreaterThanOrEqual(slots);
  const gaps = minutes.slice(1).map((minute, index) => minute - (minutes[index] ?? 0));
  const longer = gaps.filter((gap) => gap !== 1);
  expect(longer).toHaveLength(1);
  expect(longer[0]).toBeLessThanOrEqual(7);

  const notifications = receiver.notifications();
  const created = notifications.filter(({ event, status }) => event === 'backup.created' && status === 'notice');
  expect(created.map(({ facts }) => facts.filename).sort()).toEqual(backups.map(({ filename }) => filename).sort());
  const others = summary(notifications.filter((notification) => !created.includes(notification)));
  expect(others).toEqual(['trouble backup.failed 1', expect.stringMatching(/^recovered backup\.failed [3-6]$/)]);
}, 480_000);
