import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Backup, BackupService, MissedRun } from 'express-db-backup';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ScheduledRuns } from '../../dist/operations/unattended/run-schedule.js';
import { assembled } from '../helpers/assembled.js';
import { startFixture } from '../helpers/fixture-process.js';
import { holdEngine } from '../helpers/held-engine.js';
import { openDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, storedBackups } from '../helpers/workspace.js';

const scheduled = (directory: string): string[] =>
  storedBackups(directory).filter((name) => name.includes('_scheduled_'));

/** The next backup that a service makes. */
function nextBackup(service: BackupService): Promise<Backup> {
  return new Promise((resolve) => {
    const off = service.on('backup.created', (backup) => {
      off();
      resolve(backup);
    });
  });
}

describe('a started service', () => {
  it('makes its first backup by itself, and the next when the interval has passed', async () => {
    const { service, directory } = createWorkspace({ service: { schedule: { every: '1s' }, verifyEvery: false } });
    const first = nextBackup(service);
    await service.start();
    expect(await first).toMatchObject({ kind: 'scheduled', createdBy: 'schedule', verification: { ok: true } });
    const second = await nextBackup(service);
    expect(Date.parse(second.createdAt) - Date.parse((await first).createdAt)).toBeGreaterThanOrEqual(1_000);
    expect(scheduled(directory).length).toBe(2);
  });

  it('tells when it ran and when it runs next; one that is not started runs never', async () => {
    const { service } = createWorkspace({ service: { schedule: { every: '1h' } } });
    expect((await service.status()).schedule).toEqual({ enabled: false, nextRunAt: null, lastRunAt: null });
    const made = service.create({ kind: 'scheduled' });
    const { createdAt } = await made;
    await service.start();
    const schedule = {
      enabled: true,
      nextRunAt: new Date(Date.parse(createdAt) + 3_600_000).toISOString(),
      lastRunAt: createdAt,
    };
    expect((await service.status()).schedule).toEqual(schedule);
    expect((await service.stats()).schedule).toEqual(schedule);
  });

  it('that is switched off makes none', async () => {
    const { service } = createWorkspace({ service: { schedule: false, verifyEvery: false } });
    await service.start();
    expect((await service.status()).schedule).toEqual({ enabled: false, nextRunAt: null, lastRunAt: null });
  });

  it('starts again and again without a flood: the vault tells that none is due', async () => {
    const { databaseFile, directory, database } = createWorkspace();
    database.close();
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const options = { database: databaseFile, directory, schedule: { every: '1h' as const } };
    for (let restart = 0; restart < 8; restart++) {
      const { parts, start, close } = await assembled(options);
      await start();
      await new ScheduledRuns(parts).run();
      await close();
      vi.setSystemTime(Date.now() + 10 * 60_000);
    }
    // At the first start, and an hour after that.
    expect(scheduled(directory)).toHaveLength(2);
  });

  it('that is closed in the middle of a run counts no failure, and the next start makes the backup', async () => {
    const held = holdEngine('snapshot');
    const options = { ...held.service, schedule: { every: '1s' }, verifyEvery: false } as const;
    const first = openService(options).service;
    const failures: unknown[] = [];
    first.on('backup.failed', (failure) => failures.push(failure));
    await first.start();
    await held.begun;
    await first.close();
    held.release();
    expect([failures, scheduled(options.directory)]).toEqual([[], []]);
    const state = JSON.parse(readFileSync(join(options.directory, '.state', 'schedule.json'), 'utf8')) as object;
    expect(state).toMatchObject({ failures: 0, failedAt: null });
    const second = openService(options).service;
    const made = nextBackup(second);
    await second.start();
    expect((await made).kind).toBe('scheduled');
  });

  it('does not keep its process alive', async () => {
    const folder = temporaryFolder();
    openDatabase(join(folder, 'app.db'));
    const app = await startFixture('app-started', folder);
    expect(await app.ended).toBeNull();
  });
});

it('a run that takes longer than the interval is not stacked; what was left out is told', async () => {
  const held = holdEngine('snapshot');
  const { service } = openService({ ...held.service, schedule: { every: '1s' }, verifyEvery: false });
  const missed: MissedRun[] = [];
  service.on('schedule.missed', (run) => missed.push(run));
  const made = nextBackup(service);
  await service.start();
  await held.begun;
  const { operation } = await service.status();
  await vi.waitFor(() => expect(Date.now() - Date.parse(operation?.startedAt ?? '')).toBeGreaterThan(2_200), 5_000);
  expect((await service.status()).operation?.id).toBe(operation?.id);
  held.release();
  await made;
  await vi.waitFor(() => expect(missed).toMatchObject([{ reason: 'still_running' }]));
  expect(missed[0]?.runs).toBeGreaterThanOrEqual(2);
});

it('a failed run is heard of, and retried later and later until one succeeds', async () => {
  const { databaseFile, directory, database } = createWorkspace();
  database.close();
  renameSync(databaseFile, `${databaseFile}.away`);
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const options = { database: databaseFile, directory, schedule: { every: '1h' as const } };
  const failures: string[] = [];
  const waits: number[] = [];
  for (let run = 0; run < 4; run++) {
    // Each in a process of its own: what has failed is remembered.
    const { parts, close } = await assembled(options);
    parts.events.on('backup.failed', ({ error }) => failures.push(error.code));
    const waitMs = await new ScheduledRuns(parts).run();
    waits.push(Math.round(waitMs / 60_000));
    expect(failures).toHaveLength(run + 1);
    vi.setSystemTime(Date.now() + waitMs - 1_000);
    await new ScheduledRuns(parts).run();
    expect(failures).toHaveLength(run + 1);
    vi.setSystemTime(Date.now() + 1_000);
    await close();
  }
  expect(waits).toEqual([1, 2, 4, 8]);
  expect(new Set(failures)).toEqual(new Set(['database_missing']));
  renameSync(`${databaseFile}.away`, databaseFile);
  const { parts } = await assembled(options);
  expect(Math.round((await new ScheduledRuns(parts).run()) / 60_000)).toBe(60);
  expect(scheduled(directory)).toHaveLength(1);
});

it.each([
  ['a run that failed', true],
  ['a first start', false],
])('%s while the clock was ahead keeps no run from its time', async (_what, fails) => {
  const { databaseFile, directory, database } = createWorkspace();
  database.close();
  const options = {
    database: databaseFile,
    directory,
    schedule: fails ? { every: '1d' } : { cron: '30 2 * * *' },
  } as const;
  const dayMs = 86_400_000;
  const today = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: today + 365 * dayMs });
  onTestFinished(() => void vi.useRealTimers());
  const { parts } = await assembled(options);
  if (fails) renameSync(databaseFile, `${databaseFile}.away`);
  await new ScheduledRuns(parts).run();
  if (fails) renameSync(`${databaseFile}.away`, databaseFile);
  expect(scheduled(directory)).toEqual([]);
  for (let day = 0; day < 3; day++) {
    vi.setSystemTime(today + day * dayMs);
    await new ScheduledRuns(parts).run();
  }
  expect(scheduled(directory)).toHaveLength(fails ? 3 : 2);
});

it('missed runs are told once, however often another operation is in the way', async () => {
  const { databaseFile, directory } = createWorkspace();
  const { parts } = await assembled({ database: databaseFile, directory, schedule: { every: '1d' } });
  const missed: MissedRun[] = [];
  parts.events.on('schedule.missed', (run) => missed.push(run));
  await new ScheduledRuns(parts).run();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3.5 * 86_400_000 });
  onTestFinished(() => void vi.useRealTimers());
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const other = parts.runner.run({ type: 'cleanup', by: 'test', exclusive: true }, () => held);
  await other.started;
  for (let look = 0; look < 3; look++) await new ScheduledRuns(parts).run();
  expect(missed).toEqual([]);
  release();
  await other;
  await new ScheduledRuns(parts).run();
  expect(missed).toMatchObject([{ reason: 'not_running', runs: 2 }]);
});

describe('a schedule that makes no sense throws at creation', () => {
  it.each([
    ['no duration', { every: 'daily' }, 'a duration such as'],
    ['no time at all', { every: 0 }, 'between 1000 and'],
    ['longer than a timer can wait', { every: '25d' }, 'between 1000 and'],
    ['a date, which comes once', { cron: '2099-01-01T00:00:00' }, 'five or six fields'],
    ['years, after which it ends', { cron: '0 0 0 1 1 * 2099' }, 'five or six fields'],
    ['no cron expression', { cron: 'every day' }, 'a cron expression'],
    ['a day that never comes', { cron: '0 0 30 2 *' }, 'never'],
    ['no time zone', { cron: '0 3 * * *', timezone: 'Mars/Olympus' }, 'a cron expression and a time zone'],
    ['no rule', [], ''],
    ['two kinds of rule in one', { every: '1h', cron: '0 3 * * *' }, ''],
  ])('%s', (_what, schedule, told) => {
    const directory = temporaryFolder();
    const open = (): unknown =>
      openService({ database: join(directory, 'app.db'), directory, schedule: schedule as never });
    expect(open).toThrow(expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(told) }));
  });
});
