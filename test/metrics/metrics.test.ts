import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { destroyHeader, flipBit } from '../helpers/damage.js';
import { damagedHost } from '../helpers/damaged-host.js';
import { createDatabase } from '../helpers/live-database.js';
import { scrape } from '../helpers/scrape.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, type Workspace } from '../helpers/workspace.js';

interface Measured extends Workspace {
  readonly registry: Registry;
}

function createMeasured(service: NonNullable<Parameters<typeof createWorkspace>[0]>['service'] = {}): Measured {
  const registry = new Registry();
  return { registry, ...createWorkspace({ service: { metrics: registry, ...service } }) };
}

const seconds = (instant: string): number => Date.parse(instant) / 1000;

describe('after a backup was made', () => {
  it('a scrape tells when, how large, how long, how many, how verified and how much is free', async () => {
    const { service, registry } = createMeasured();
    const backup = await service.create();
    const told = await scrape(registry);
    const of = { database: 'app.db' };
    expect(told.value('vault_readable', of)).toBe(1);
    expect(told.value('last_success_timestamp_seconds', of)).toBe(seconds(backup.createdAt));
    expect(told.value('last_success_size_bytes', of)).toBe(backup.size);
    expect(told.value('last_success_age_seconds', of)).toBeGreaterThanOrEqual(0);
    expect(told.value('last_success_age_seconds', of)).toBeLessThan(60);
    expect(told.value('backups', { ...of, kind: 'manual' })).toBe(1);
    expect(told.value('backups', { ...of, kind: 'scheduled' })).toBe(0);
    expect(told.value('stored_bytes', { ...of, kind: 'manual' })).toBe(backup.size);
    expect(told.value('free_bytes', of)).toBeGreaterThan(0);
    expect(told.value('last_verification_timestamp_seconds', of)).toBe(seconds(backup.verification?.at ?? ''));
    expect(told.value('last_verification_ok', of)).toBe(1);
    expect(told.value('damaged_backups', { ...of, kind: 'manual' })).toBe(0);
    expect(told.value('failures_in_row', of)).toBe(0);
    expect(told.value('operations_total', { ...of, type: 'create', outcome: 'succeeded' })).toBe(1);
    expect(told.value('duration_seconds_count', of)).toBe(1);
    expect(told.value('duration_seconds_sum', of)).toBe((backup.durationMs ?? -1) / 1000);
    expect(told.value('duration_seconds_bucket', { ...of, le: '+Inf' })).toBe(1);
    expect(told.value('size_bytes_sum', of)).toBe(backup.size);
    expect(told.value('size_bytes_bucket', { ...of, le: '1048576' })).toBe(1);
  });

  it('the age is that of the moment of the scrape', async () => {
    const { service, registry } = createMeasured();
    const { createdAt } = await service.create();
    const before = Date.now() / 1000 - seconds(createdAt);
    const age = (await scrape(registry)).value('last_success_age_seconds') ?? -1;
    expect(age).toBeGreaterThanOrEqual(before);
    expect(age).toBeLessThanOrEqual(Date.now() / 1000 - seconds(createdAt));
  });

  it('retention makes the number fall', async () => {
    const { service, registry } = createMeasured({ retention: { keep: 1 } });
    await service.create();
    const { filename, size } = await service.create();
    const told = await scrape(registry);
    expect(told.value('backups', { kind: 'manual' })).toBe(1);
    expect(told.value('stored_bytes', { kind: 'manual' })).toBe(size);
    await service.remove(filename);
    const after = await scrape(registry);
    expect(after.value('backups', { kind: 'manual' })).toBe(0);
    expect(after.value('operations_total', { type: 'remove', outcome: 'succeeded' })).toBe(1);
  });
});

describe('what has not happened', () => {
  it('is counted as 0 from the start, and what is not known has no value', async () => {
    const { service, registry } = createMeasured();
    await service.start();
    const told = await scrape(registry);
    expect(told.value('operations_total', { type: 'create', outcome: 'failed' })).toBe(0);
    expect(told.value('restores_total', { outcome: 'interrupted' })).toBe(0);
    expect(told.value('missed_runs_total', { reason: 'not_running' })).toBe(0);
    expect(told.value('damage_found_total')).toBe(0);
    expect(told.value('backups', { kind: 'manual' })).toBe(0);
    for (const metric of ['last_success_age_seconds', 'last_success_timestamp_seconds', 'last_verification_ok'])
      expect(told.value(metric)).toBeUndefined();
  });
});

describe('failures in a row', () => {
  it('are counted until a backup succeeds', async () => {
    const folder = temporaryFolder();
    const registry = new Registry();
    const database = join(folder, 'late.db');
    const { service } = openService({ database, directory: join(folder, 'backups'), metrics: registry });
    for (let failures = 1; failures <= 2; failures++) {
      await expect(service.create()).rejects.toMatchObject({ code: 'database_missing' });
      expect((await scrape(registry)).value('failures_in_row')).toBe(failures);
    }
    createDatabase(database).close();
    await service.create();
    const told = await scrape(registry);
    expect(told.value('failures_in_row')).toBe(0);
    expect(told.value('operations_total', { type: 'create', outcome: 'failed' })).toBe(2);
    expect(told.value('duration_seconds_count')).toBe(1);
  });

  it('end with a backup that another worker made', async () => {
    const folder = temporaryFolder();
    const registry = new Registry();
    const options = { database: join(folder, 'app.db'), directory: join(folder, 'backups') };
    const { service } = openService({ ...options, metrics: registry });
    const other = openService(options).service;
    await expect(service.create()).rejects.toMatchObject({ code: 'database_missing' });
    createDatabase(options.database).close();
    await other.create();
    expect((await scrape(registry)).value('failures_in_row')).toBe(0);
  });

  it('do not count one that somebody cancelled, nor a refused upload', async () => {
    const { service, registry, folder } = createMeasured();
    const controller = new AbortController();
    service.on('operation', ({ type }) => type === 'create' && controller.abort());
    await expect(service.create({ signal: controller.signal })).rejects.toMatchObject({ code: 'operation_cancelled' });
    const file = join(folder, 'none.db');
    writeFileSync(file, 'no database');
    await expect(service.importFile(file)).rejects.toMatchObject({ code: 'backup_damaged' });
    const told = await scrape(registry);
    expect(told.value('failures_in_row')).toBe(0);
    expect(told.value('operations_total', { type: 'create', outcome: 'cancelled' })).toBe(1);
    expect(told.value('operations_total', { type: 'upload', outcome: 'failed' })).toBe(1);
  });
});

describe('a damaged backup', () => {
  it('is counted, is the outcome of the last verification, and is no success any more', async () => {
    const { service, registry, directory } = createMeasured();
    const good = await service.create();
    const damaged = await service.create();
    flipBit(join(directory, damaged.filename), 5_000, 3);
    await service.verify(damaged.filename);
    const told = await scrape(registry);
    expect(told.value('damaged_backups', { kind: 'manual' })).toBe(1);
    expect(told.value('damaged_backups', { kind: 'safety' })).toBe(0);
    expect(told.value('damage_found_total')).toBe(1);
    expect(told.value('last_verification_ok')).toBe(0);
    expect(told.value('last_success_timestamp_seconds')).toBe(seconds(good.createdAt));
    expect(told.value('oldest_verification_timestamp_seconds')).toBe(seconds(good.verification?.at ?? ''));
  });
});

it('the raw copy of a damaged live file is a damaged safety backup and no other', async () => {
  const { service, filename, databaseFile, directory } = await damagedHost((file) => {
    for (const part of [file, `${file}-wal`]) destroyHeader(part);
  });
  await service.restore(filename);
  const registry = new Registry();
  openService({ database: databaseFile, directory, metrics: registry });
  const told = await scrape(registry);
  expect(told.value('damaged_backups', { kind: 'safety' })).toBe(1);
  expect(told.value('damaged_backups', { kind: 'manual' })).toBe(0);
  expect(told.value('last_success_timestamp_seconds')).toBeDefined();
});

describe('a restore', () => {
  it('is counted, and its safety backup is no success of the backups', async () => {
    const { service, registry } = createMeasured();
    const { filename, createdAt } = await service.create();
    await service.restore(filename);
    await expect(service.restore('app_backup_2020-01-01_00-00-00.db')).rejects.toMatchObject({
      code: 'backup_not_found',
    });
    const told = await scrape(registry);
    expect(told.value('restores_total', { outcome: 'succeeded' })).toBe(1);
    expect(told.value('restores_total', { outcome: 'failed' })).toBe(1);
    expect(told.value('backups', { kind: 'safety' })).toBe(1);
    expect(told.value('last_success_timestamp_seconds')).toBe(seconds(createdAt));
    expect(told.value('size_bytes_count')).toBe(1);
  });

  it('of an uploaded backup: the upload is stored, and no success of the backups either', async () => {
    const { service, registry, directory } = createMeasured();
    const { filename, createdAt } = await service.create();
    const uploaded = await service.importFile(join(directory, filename));
    const told = await scrape(registry);
    expect(told.value('stored_bytes', { kind: 'uploaded' })).toBe(uploaded.size);
    expect(told.value('last_success_timestamp_seconds')).toBe(seconds(createdAt));
    expect(told.value('size_bytes_count')).toBe(1);
  });
});

describe('after a restart', () => {
  it('the first scrape is right, before anything was done', async () => {
    const first = createMeasured();
    const { createdAt, size } = await first.service.create();
    await first.service.close();
    const registry = new Registry();
    openService({ database: first.databaseFile, directory: first.directory, metrics: registry });
    const told = await scrape(registry);
    expect(told.value('last_success_timestamp_seconds')).toBe(seconds(createdAt));
    expect(told.value('stored_bytes', { kind: 'manual' })).toBe(size);
    expect(told.value('last_verification_ok')).toBe(1);
  });

  it('a service in the same registry takes the place of the one that was closed', async () => {
    const { service, registry, databaseFile, directory } = createMeasured();
    await service.create();
    await service.close();
    expect((await scrape(registry)).samples).toEqual([]);
    openService({ database: databaseFile, directory, metrics: registry });
    expect((await scrape(registry)).value('backups', { kind: 'manual' })).toBe(1);
    // Closing once more must not take the other one out.
    await service.close();
    expect((await scrape(registry)).value('backups', { kind: 'manual' })).toBe(1);
  });
});

describe('a vault that is gone', () => {
  it('makes no scrape fail, is told as unreadable, and is not made by the scrape', async () => {
    const { service, registry, directory } = createMeasured();
    await service.create();
    rmSync(directory, { recursive: true });
    const told = await scrape(registry);
    expect(told.value('vault_readable')).toBe(0);
    expect(told.value('operations_total', { type: 'create', outcome: 'succeeded' })).toBe(1);
    for (const metric of ['last_success_age_seconds', 'backups', 'stored_bytes', 'free_bytes', 'damaged_backups'])
      expect(told.samples.filter(({ name }) => name === `express_db_backup_${metric}`)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  it('that was replaced by a file is told the same, and readable again when it is back', async () => {
    const { service, registry, directory } = createMeasured();
    await service.create();
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'no directory');
    expect((await scrape(registry)).value('vault_readable')).toBe(0);
    rmSync(directory);
    await service.create();
    expect((await scrape(registry)).value('vault_readable')).toBe(1);
  });
});
