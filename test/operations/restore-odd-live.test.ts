import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Engine, sqlite } from 'express-db-backup';
import { describe, expect, it, onTestFinished } from 'vitest';
import { generations, inspect, integrity, openAgain, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, openService, stagedFiles } from '../helpers/workspace.js';

const pragma = (file: string, name: string): unknown =>
  inspect(file, (database) => database.pragma(name, { simple: true }));

describe.each([true, false])('a restore into a live database (write-ahead log: %s)', (wal) => {
  it.each([
    ['none', 'full'],
    ['full', 'none'],
    ['incremental', 'full'],
    ['full', 'incremental'],
  ])('with auto_vacuum %s, from a backup with auto_vacuum %s, is all new and sound', async (live, backup) => {
    const { database, databaseFile, service, directory } = createWorkspace({ live: { wal } });
    database.exec(`PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = ${backup}; VACUUM`);
    database.exec('DELETE FROM items WHERE id % 3 = 0');
    const before = generations(database);
    const { filename } = await service.create();
    database.exec(`PRAGMA auto_vacuum = ${live}; VACUUM; PRAGMA journal_mode = ${wal ? 'WAL' : 'DELETE'}`);
    setGeneration(database, 'second');
    const { safetyBackup } = await service.restore(filename);
    expect(generations(database)).toBe(before);
    expect(integrity(database)).toBe('ok');
    expect(inspect(join(directory, safetyBackup), generations)).toContain('second');
    expect(pragma(databaseFile, 'auto_vacuum')).toBe({ none: 0, full: 1, incremental: 2 }[backup]);
    database.exec("PRAGMA incremental_vacuum; INSERT INTO commits VALUES ('after')");
    expect(integrity(database)).toBe('ok');
  });

  it.each([512, 65_536])('with pages of %i bytes takes the backup in its own page size', async (pageSize) => {
    const { database, databaseFile, service } = createWorkspace({ live: { wal: false, pageSize: 4096 } });
    const { filename } = await service.create();
    database.exec(`PRAGMA page_size = ${pageSize}; VACUUM; PRAGMA journal_mode = ${wal ? 'WAL' : 'DELETE'}`);
    setGeneration(database, 'second');
    await service.restore(filename);
    expect([generations(database), integrity(database)]).toEqual(['first:500', 'ok']);
    expect(pragma(databaseFile, 'page_size')).toBe(pageSize);
  });

  it('that a connection holds with locking_mode EXCLUSIVE is database_busy in time, and live is unchanged', async () => {
    const { database, databaseFile, directory, service, filename } = await held(wal);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO commits VALUES ('exclusive')");
    const startedAt = performance.now();
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'database_busy' });
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    database.exec('PRAGMA locking_mode = NORMAL; SELECT count(*) FROM items');
    expect(generations(database)).toBe('second:500');
    expect((await service.list()).total).toBe(1);
    expect(stagedFiles(directory)).toEqual([]);
    await service.restore(filename);
    expect(inspect(databaseFile, generations)).toBe('first:500');
  });
});

async function held(wal: boolean) {
  const workspace = createWorkspace({ live: { wal } });
  const { filename } = await workspace.service.create();
  setGeneration(workspace.database, 'second');
  return { ...workspace, filename };
}

it('an application that migrates in the instant after the restore is not rolled back', async () => {
  const { database, databaseFile, directory, filename } = await held(true);
  const live = openAgain(databaseFile);
  // The commit of the restore is the first moment at which another schema change can win the lock.
  const engine: Engine = sqlite({ path: databaseFile });
  const migrating: Engine = {
    ...engine,
    restore: async (input, publication, context) => {
      const migrate = setInterval(() => {
        if (generations(live) !== 'first:500') return;
        clearInterval(migrate);
        live.exec("CREATE TABLE IF NOT EXISTS migrated (id); INSERT INTO commits VALUES ('migrated')");
      }, 1);
      onTestFinished(() => clearInterval(migrate));
      return engine.restore(input, publication, context);
    },
  };
  const { service } = openService({ database: migrating, directory });
  const { checks } = await service.restore(filename);
  expect(['passed', 'warning']).toContain(checks.schema);
  await expect.poll(() => database.prepare('SELECT key FROM commits').pluck().all()).toEqual(['migrated']);
  expect(generations(database)).toBe('first:500');
});

it('a live database without any table, or with a backup without any, is restored', async () => {
  const { databaseFile, directory, database } = await held(true);
  database.close();
  const empty = new Database(databaseFile);
  onTestFinished(() => void empty.close());
  empty.exec('DROP TABLE items; DROP TABLE commits; VACUUM');
  const { service } = openService({ database: databaseFile, directory });
  const { filename } = await service.create();
  await service.restore((await service.list({ order: 'asc' })).backups[0]?.filename ?? '');
  expect(generations(empty)).toBe('first:500');
  await service.restore(filename);
  expect(empty.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()).toBe(0);
  expect(integrity(empty)).toBe('ok');
});
