import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { BackupService, Operation } from 'express-db-backup';
import { expect, it, onTestFinished } from 'vitest';
import { corruptMiddlePage } from '../helpers/damage.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, stagedFiles, storedBackups, type Workspace } from '../helpers/workspace.js';

/** A live database that nobody has open, and a service for it. */
function createClosedWorkspace(options: Parameters<typeof createDatabase>[1] = {}): Omit<Workspace, 'database'> {
  const folder = temporaryFolder();
  const databaseFile = join(folder, 'app.db');
  const directory = join(folder, 'backups');
  createDatabase(databaseFile, options).close();
  return { folder, databaseFile, directory, ...openService({ database: databaseFile, directory }) };
}

function expectNothingLeft(directory: string): void {
  expect(storedBackups(directory)).toEqual([]);
  expect(stagedFiles(directory)).toEqual([]);
}

const reached = (service: BackupService, phase: string): Promise<Operation> =>
  new Promise((resolve) => {
    const stop = service.on('operation', (operation) => {
      if (operation.phase !== phase) return;
      stop();
      resolve(operation);
    });
  });

it('a live database that is missing is never created, and older backups stay', async () => {
  const { databaseFile, directory, service } = createClosedWorkspace();
  const { filename } = await service.create();
  rmSync(databaseFile);
  await expect(service.create()).rejects.toMatchObject({ code: 'database_missing' });
  expect(existsSync(databaseFile)).toBe(false);
  expect(storedBackups(directory)).toEqual([filename]);
});

it.each<[string, (file: string) => void]>([
  ['of 0 bytes', (file) => truncateSync(file, 0)],
  ['that is no SQLite file', (file) => writeFileSync(file, 'not a database at all. '.repeat(1000))],
  ['with a destroyed page in its middle', corruptMiddlePage],
])('a live database %s is source_damaged, left as it is, and older backups stay', async (_name, damage) => {
  const { databaseFile, directory, service } = createClosedWorkspace();
  const { filename } = await service.create();
  damage(databaseFile);
  const damaged = readFileSync(databaseFile);
  const failed: string[] = [];
  service.on('backup.failed', ({ error }) => failed.push(error.code));
  await expect(service.create()).rejects.toMatchObject({ code: 'source_damaged' });
  expect(readFileSync(databaseFile).equals(damaged)).toBe(true);
  expect(storedBackups(directory)).toEqual([filename]);
  expect(stagedFiles(directory)).toEqual([]);
  expect(failed).toEqual(['source_damaged']);
});

it('a required table that is missing fails the backup', async () => {
  const { database, directory, service } = createWorkspace({ service: { requiredTables: ['items', 'users'] } });
  await expect(service.create()).rejects.toMatchObject({
    code: 'source_damaged',
    message: /Required tables are missing: users/,
  });
  expectNothingLeft(directory);
  database.exec('CREATE TABLE users (id INTEGER PRIMARY KEY)');
  await expect(service.create()).resolves.toMatchObject({ tables: { users: 0 } });
});

it('a live database over limits.backupBytes is insufficient_storage with both numbers', async () => {
  const { directory, service } = createWorkspace({ service: { limits: { backupBytes: 50_000 } } });
  await expect(service.create()).rejects.toMatchObject({
    code: 'insufficient_storage',
    facts: { requiredBytes: expect.any(Number), availableBytes: 50_000 },
  });
  expectNothingLeft(directory);
});

it('an abort in the middle of the copy is operation_cancelled and leaves nothing; the next create works', async () => {
  const { directory, service } = createWorkspace({ live: { rows: 20_000 } });
  const controller = new AbortController();
  void reached(service, 'copying').then(() => controller.abort());
  const run = service.create({ signal: controller.signal });
  await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
  expectNothingLeft(directory);
  expect(await service.operation((await run.started).id)).toMatchObject({ state: 'cancelled' });
  await expect(service.create()).resolves.toMatchObject({ status: 'completed' });
});

it('a signal that was aborted before starts nothing', async () => {
  const { directory, service } = createWorkspace();
  await expect(service.create({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'operation_cancelled' });
  expectNothingLeft(directory);
});

it('close() during a create cancels it, waits until it is undone, and leaves nothing', async () => {
  const { directory, service } = createWorkspace({ live: { rows: 20_000 } });
  const outcome = expect(service.create()).rejects.toMatchObject({ code: 'operation_cancelled' });
  await reached(service, 'copying');
  await service.close();
  expectNothingLeft(directory);
  await outcome;
  await expect(service.create()).rejects.toMatchObject({ code: 'operation_cancelled' });
});

/** With a rollback journal an exclusive lock keeps readers out, so a create waits for it. */
function lockExclusively(file: string): void {
  const holder = new Database(file);
  onTestFinished(() => void holder.close());
  holder.exec('BEGIN EXCLUSIVE');
}

it('a source that stays locked is database_busy, with no file', async () => {
  const { databaseFile, directory, service } = createClosedWorkspace({ wal: false });
  lockExclusively(databaseFile);
  await expect(service.create()).rejects.toMatchObject({ code: 'database_busy' });
  expectNothingLeft(directory);
});

it('a create that takes longer than limits.operationMs is deadline_exceeded, and the lock is free', async () => {
  const { databaseFile, directory } = createClosedWorkspace({ wal: false });
  const { service } = openService({ database: databaseFile, directory, limits: { operationMs: 400 } });
  lockExclusively(databaseFile);
  await expect(service.create()).rejects.toMatchObject({ code: 'deadline_exceeded' });
  expectNothingLeft(directory);
  await expect(service.cleanup()).resolves.toMatchObject({ deleted: [] });
});
