import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Backup } from 'express-db-backup';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ScheduledRuns } from '../../dist/operations/unattended/run-schedule.js';
import { assembled } from '../helpers/assembled.js';
import { openDatabase } from '../helpers/live-database.js';
import { isWanted } from '../helpers/retention-model.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const retention = { keep: 3, daily: 7, weekly: 4, monthly: 6 };
const zone = 'Europe/Berlin';
/** Days on which the live database is away at the time of the backup. */
const failingDays = [40, 41, 254];
const restartEveryDays = 9;
/** A virtual machine that was paused, and a clock that was wrong for some days, on one of which the backup fails. */
const asleep = { day: 100, days: 3 };
const wrongClock = { day: 250, days: 400, forDays: 10 };

/** One process of the application: it is started, looks at its schedule each hour, and ends. */
async function startProcess(file: string, directory: string) {
  const schedule = { cron: '30 2 * * *', timezone: zone };
  const { parts, start, close } = await assembled({ database: file, directory, retention, schedule });
  await start();
  return { parts, close, runs: new ScheduledRuns(parts) };
}

it('a year of daily backups, with restarts, failures, clock changes and jumps, keeps what the policy says on every day of it', async () => {
  const folder = temporaryFolder();
  const [file, directory] = [join(folder, 'app.db'), join(folder, 'backups')];
  openDatabase(file, { rows: 10 }).close();
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  let now = Date.UTC(2026, 0, 1, 12);
  let expected: readonly Backup[] = [];
  let failures = 0;
  const made: string[] = [];
  let application = await startProcess(file, directory);
  const listen = (): void => {
    application.parts.events.on('backup.created', (backup) => {
      made.push(backup.createdAt);
      const all = [backup, ...expected];
      expected = all.filter((entry) => isWanted(entry, all, retention, new Date().toISOString()) || entry === backup);
    });
    application.parts.events.on('backup.failed', () => failures++);
  };
  listen();
  for (let day = 0; day < 365; day++) {
    if (day % restartEveryDays === 0) {
      await application.close();
      application = await startProcess(file, directory);
      listen();
    }
    if (day === asleep.day) now += asleep.days * dayMs;
    if (day === wrongClock.day) now += wrongClock.days * dayMs;
    if (day === wrongClock.day + wrongClock.forDays) now -= wrongClock.days * dayMs;
    const isAway = failingDays.includes(day);
    for (let hour = 0; hour < 24; hour++) {
      now += hourMs;
      vi.setSystemTime(now);
      if (isAway && hour === 12) renameSync(file, `${file}.away`);
      if (isAway && hour === 18) renameSync(`${file}.away`, file);
      await application.runs.run();
    }
    const stored = await application.parts.vault.list();
    expect(
      stored.map(({ filename }) => filename),
      `day ${day}`,
    ).toEqual([...expected].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).map(({ filename }) => filename));
    const good = stored.filter(({ verification }) => verification?.ok === true).map(({ createdAt }) => createdAt);
    // The newest one of all, whatever its clock said, and one that is no older than a day, unless none could be made.
    if (day > 0) expect(good, `day ${day}`).toContain(made.at(-1));
    const isStale = isAway || (day >= asleep.day && day <= asleep.day + 1);
    const fresh = good.filter((createdAt) => Date.parse(createdAt) <= now && now - Date.parse(createdAt) <= dayMs);
    if (day > 0 && !isStale) expect(fresh, `day ${day}`).not.toEqual([]);
  }
  await application.close();
  expect(failures).toBeGreaterThanOrEqual(failingDays.length);
  // One a day, but for the days that were slept through, and one more when the clock came back.
  const days = new Set(made.map((createdAt) => new Date(createdAt).toLocaleDateString('sv', { timeZone: zone })));
  expect(made.length).toBeGreaterThan(355);
  expect(made.length - days.size).toBeLessThanOrEqual(2);
}, 600_000);
