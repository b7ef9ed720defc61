import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { BackupError, type BackupServiceOptions, type GuardInput } from 'express-db-backup';
import knex from 'knex';
import { Umzug } from 'umzug';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileLock } from '../../dist/coordination/file-lock.js';
import { MigrationNotStarted } from '../../dist/operations/migrate/guard-migration.js';
import { generations, inspect, type LiveOptions } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, storedBackups } from '../helpers/workspace.js';

const created = (directory: string): string[] => storedBackups(directory).filter((name) => !name.includes('_safety_'));

function createGuarded(options: Partial<BackupServiceOptions> = {}, live: LiveOptions = {}) {
  const { database, service, ...workspace } = createWorkspace({
    live,
    service: { requiredTables: ['items'], ...options },
  });
  const guard = (sql: string, input: GuardInput = {}) =>
    service.guardMigration(() => void database.exec(sql), { label: 'add prices', ...input });
  const rows = (table: string): unknown => database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  return { ...workspace, database, service, guard, rows };
}

describe('a migration that does what it should', () => {
  it('has a verified backup from before it, and an account of the rows', async () => {
    const { guard, service, directory } = createGuarded();
    const { backup, validation, tables } = await guard('CREATE TABLE prices (id); INSERT INTO prices VALUES (1)');
    expect(backup).toMatchObject({
      kind: 'pre_migration',
      notes: 'Before the migration: add prices',
      verification: { ok: true },
    });
    expect(validation.ok).toBe(true);
    expect(tables).toEqual({ before: { commits: 0, items: 500 }, after: { commits: 0, items: 500, prices: 1 } });
    expect(created(directory)).toEqual([backup?.filename]);
    expect((await service.verify(String(backup?.filename), { level: 'drill' })).ok).toBe(true);
  });

  it('answers what it resolved to', async () => {
    const { service } = createGuarded();
    const { result } = await service.guardMigration(async () => ['0001', '0002']);
    expect(result).toEqual(['0001', '0002']);
  });

  it('may make the tables that are required, also of a database that was never there', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'app.db');
    const { service } = openService({ database: file, directory: join(folder, 'backups'), requiredTables: ['users'] });
    const { backup, validation } = await service.guardMigration(() => {
      const database = new Database(file);
      database.exec('CREATE TABLE users (id)');
      database.close();
    });
    expect([backup, validation.ok]).toEqual([null, true]);
  });

  it('may bring a table that is required from now on, and can be undone', async () => {
    const { guard, rows, database } = createGuarded({ requiredTables: ['items', 'prices'] });
    await guard('CREATE TABLE prices (id)');
    await expect(guard('DROP TABLE prices')).rejects.toMatchObject({ code: 'migration_failed' });
    expect(rows('prices')).toBe(0);
    database.exec('DROP TABLE prices');
    await expect(guard('CREATE TABLE typo (id)')).rejects.toMatchObject({ facts: { restored: true } });
    expect(() => rows('typo')).toThrow('no such table');
  });
});

describe('a migration that fails is undone', () => {
  it.each([
    ['throws', 'CREATE TABLE half (id); CREATE TABLE items (id)', 'table items already exists. app_pre_migration_'],
    ['empties a table', 'CREATE TABLE half (id); DELETE FROM items', 'The table items had 500 rows and has none'],
    ['drops a required table', 'CREATE TABLE half (id); DROP TABLE items', 'The table items is missing'],
  ])('when it %s', async (_what, sql, told) => {
    const { guard, service, database, rows } = createGuarded();
    const failure = await guard(sql).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'migration_failed',
      exitCode: 10,
      message: expect.stringContaining(told),
      facts: { restored: true, backup: expect.stringContaining('_pre_migration_') },
    });
    expect(generations(database)).toBe('first:500');
    expect(() => rows('half')).toThrow('no such table');
    const { safetyBackup } = (failure as { facts: { safetyBackup: string } }).facts;
    expect((await service.get(safetyBackup)).tables).toHaveProperty('half');
  });

  it('or kept, where the host wants that, with the command that goes back', async () => {
    const { guard, service, database } = createGuarded();
    const failure = await guard('DELETE FROM items', { onFailure: 'keep' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'migration_failed', facts: { restored: false } });
    const { backup, command } = (failure as { facts: { backup: string; command: string } }).facts;
    expect(command).toBe(`npx express-db-backup restore ${backup}`);
    expect((failure as Error).message).toContain(command);
    expect(generations(database)).toBe('');
    await service.restore(backup);
    expect(generations(database)).toBe('first:500');
  });

  it('when what it has started has ended, and not where that cannot be ended', async () => {
    const { guard, rows } = createGuarded();
    const seen: unknown[] = [];
    const before = { beforeRestore: () => void seen.push(rows('items')) };
    await expect(guard('DELETE FROM items', before)).rejects.toMatchObject({ facts: { restored: true } });
    await guard('DELETE FROM commits', before);
    expect([seen, rows('items')]).toEqual([[0], 500]);
    const undying = { beforeRestore: () => Promise.reject(new BackupError('database_busy', 'It goes on.')) };
    await expect(guard('DELETE FROM items', undying)).rejects.toMatchObject({
      facts: { restored: false },
      message: expect.stringContaining('It goes on.') as string,
    });
    expect(rows('items')).toBe(0);
  });

  it('unless it may empty that table', async () => {
    const { guard } = createGuarded({ requiredTables: [] });
    await expect(guard('DELETE FROM items')).rejects.toMatchObject({ code: 'migration_failed' });
    const { tables } = await guard('DROP TABLE items', { mayEmpty: ['items'] });
    expect(tables.after).toEqual({ commits: 0 });
  });

  it('and says so where the backup cannot be restored by the application itself', async () => {
    const { service, databaseFile, database } = createGuarded();
    const failure = service.guardMigration(() => {
      database.close();
      for (const ending of ['', '-wal', '-shm']) rmSync(databaseFile + ending, { force: true });
    });
    await expect(failure).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringMatching(
        /The restore failed too: .* Run: npx express-db-backup restore app_pre_migration_/,
      ),
      facts: { restored: false, restoreCode: 'database_missing' },
    });
  });
});

describe('a migration of which nobody knows what it did', () => {
  const unfinished = (backup: unknown) => ({
    check: 'migration_finished',
    severity: 'degraded',
    command: `npx express-db-backup restore ${String(backup)}`,
  });

  /** The file was away when it was to be undone, and is back. */
  async function failToUndo() {
    const { service, databaseFile, database } = createGuarded();
    const away = `${databaseFile}.away`;
    const failure = service.guardMigration(() => {
      database.close();
      renameSync(databaseFile, away);
    });
    const { facts } = (await failure.catch((error: unknown) => error)) as BackupError;
    renameSync(away, databaseFile);
    return { service, facts };
  }

  it('because it was not undone is told, until a backup is restored', async () => {
    const { service, facts } = await failToUndo();
    expect(facts).toMatchObject({ restored: false });
    const told = [expect.objectContaining(unfinished(facts.backup))];
    expect(await service.validate()).toMatchObject({ ok: true, findings: told, checks: { migration_finished: false } });
    expect((await service.health()).findings).toEqual(told);
    await service.restore(String(facts.backup), { tables: ['items'] });
    expect((await service.validate()).findings).toEqual(told);
    await service.restore(String(facts.backup));
    expect((await service.validate()).findings).toEqual([]);
  });

  it('names the migrations where somebody has removed the backup from before it', async () => {
    const { service, facts } = await failToUndo();
    await service.remove(String(facts.backup));
    const { findings } = await service.validate();
    expect(findings).toMatchObject([{ check: 'migration_finished', command: expect.stringMatching(/ migrate -- /) }]);
  });

  it('is not one that runs, did what it should, was undone, was kept, or did not begin', async () => {
    const { service, guard, directory } = createGuarded();
    const isNoted = (): boolean => existsSync(join(directory, '.state', 'migration.json'));
    const { result } = await service.guardMigration(async () => [isNoted(), (await service.validate()).findings]);
    expect([result, isNoted()]).toEqual([[true, []], false]);
    await expect(guard('CREATE TABLE items (id)')).rejects.toMatchObject({ facts: { restored: true } });
    expect(isNoted()).toBe(false);
    await expect(guard('DELETE FROM items', { onFailure: 'keep' })).rejects.toMatchObject({ code: 'migration_failed' });
    expect(isNoted()).toBe(false);
    const unbegun = service.guardMigration(() => Promise.reject(new MigrationNotStarted('There is no such program.')));
    await expect(unbegun).rejects.toMatchObject({ code: 'invalid_request' });
    expect(isNoted()).toBe(false);
  });
});

it('a migration that fails while a backup is being taken is undone after it', async () => {
  const { service, databaseFile, directory, database } = createGuarded();
  const other = openService({ database: databaseFile, directory }).service;
  const failure = service.guardMigration(async () => {
    database.exec('DELETE FROM items');
    await other.create().started;
    throw new Error('It failed.');
  });
  await expect(failure).rejects.toMatchObject({ code: 'migration_failed', facts: { restored: true } });
  expect(generations(database)).toBe('first:500');
});

describe('a migration whose outcome is not seen at once', () => {
  it('is not undone because a connection of it holds its lock for a moment', async () => {
    const { service, databaseFile } = createGuarded({}, { wal: false });
    const { tables } = await service.guardMigration(() => {
      const migrating = new Database(databaseFile);
      migrating.exec('CREATE TABLE prices (id); BEGIN EXCLUSIVE; INSERT INTO prices VALUES (1)');
      setTimeout(() => migrating.exec('COMMIT').close(), 2_500);
    });
    expect(tables.after).toMatchObject({ items: 500, prices: 1 });
  });

  it('may have changed the case of a name', async () => {
    const { guard } = createGuarded({ requiredTables: ['ITEMS'] });
    const { tables } = await guard('ALTER TABLE items RENAME TO moved; ALTER TABLE moved RENAME TO Items');
    expect(tables.after).toMatchObject({ Items: 500 });
  });

  it('is not begun by a caller that has given up', async () => {
    const { service } = createGuarded();
    const signal = AbortSignal.abort();
    await expect(service.guardMigration(() => expect.fail(), { signal })).rejects.toMatchObject({
      code: 'operation_cancelled',
    });
  });
});

it('a caller that gives up while another operation runs is told its own reason, and nothing is migrated', async () => {
  const { service, directory } = createGuarded();
  await service.create();
  const lock = new FileLock(join(directory, '.state', 'operation.lock'));
  expect(lock.tryAcquire()).toBe(true);
  onTestFinished(() => lock.release());
  const reason = new Error('The deploy was stopped.');
  const giveUp = new AbortController();
  setTimeout(() => giveUp.abort(reason), 300);
  await expect(service.guardMigration(() => expect.fail(), { signal: giveUp.signal })).rejects.toMatchObject({
    code: 'operation_cancelled',
    cause: reason,
  });
});

it('what is not committed when it has ended is known to nobody, and undone by nobody', {
  timeout: 60_000,
}, async () => {
  const { service, databaseFile } = createGuarded();
  const other = new Database(databaseFile);
  const migrate = (): void => void other.exec('BEGIN; CREATE TABLE prices (id)');
  await expect(service.guardMigration(migrate)).rejects.toMatchObject({
    code: 'migration_failed',
    message: expect.stringContaining('cannot be seen'),
    facts: { restored: false },
  });
  other.close();
});

it.each(['is missing', 'has no tables'])(
  'a database that %s although backups have its rows is not migrated but named as lost',
  async (what) => {
    const { service, database, databaseFile } = createGuarded();
    const { filename } = await service.create();
    database.close();
    for (const ending of ['', '-wal', '-shm']) rmSync(databaseFile + ending, { force: true });
    if (what === 'has no tables') new Database(databaseFile).exec('PRAGMA user_version = 1').close();
    await expect(service.guardMigration(() => expect.fail())).rejects.toMatchObject({
      code: 'database_missing',
      message: `The live database ${what}, but ${filename} has its rows. Run: npx express-db-backup restore ${filename}`,
    });
  },
);

it('what is no function is refused before anything is done', async () => {
  const { service, directory } = createGuarded();
  await expect(service.guardMigration('migrate' as never)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(created(directory)).toEqual([]);
});

it('nothing is migrated when the backup before it fails', async () => {
  const { service, databaseFile, database } = createGuarded({ limits: { backupBytes: 1 } });
  let calls = 0;
  await expect(service.guardMigration(() => void calls++)).rejects.toMatchObject({
    code: 'insufficient_storage',
  });
  database.close();
  renameSync(databaseFile, `${databaseFile}.away`);
  expect([calls, existsSync(databaseFile)]).toEqual([0, false]);
});

it('two that start at once go one after the other', async () => {
  const { databaseFile, directory, service } = createGuarded();
  const { service: other } = openService({ database: databaseFile, directory });
  let running = 0;
  const migrate = async (): Promise<number> => {
    const beside = running++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    running--;
    return beside;
  };
  const done = await Promise.all([service.guardMigration(migrate), other.guardMigration(migrate)]);
  expect(done.map(({ result }) => result)).toEqual([0, 0]);
});

it.each([
  [{ label: 'x'.repeat(1_001) }],
  [{ onFailure: 'ignore' }],
  [{ mayEmpty: 'items' }],
  [{ beforeRestore: 'stop' }],
])('%j is invalid_request, and nothing is migrated', async (input) => {
  const { service, directory } = createGuarded();
  await expect(service.guardMigration(() => expect.fail(), input as never)).rejects.toMatchObject({
    code: 'invalid_request',
  });
  expect(storedBackups(directory)).toEqual([]);
});

describe('with Knex', () => {
  const openKnex = (filename: string) => {
    const database = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true });
    onTestFinished(() => database.destroy());
    return database;
  };
  const source = (broken: boolean) => ({
    getMigrations: async () => ['0001_prices', '0002_names'],
    getMigrationName: (name: string) => name,
    getMigration: async (name: string) => ({
      up: async (database: knex.Knex) => {
        if (name === '0001_prices') return database.schema.createTable('prices', (table) => table.increments('id'));
        return database.schema.alterTable(broken ? 'missing' : 'prices', (table) => table.string('name'));
      },
      down: async () => undefined,
    }),
  });

  it('a broken order leaves nothing of the first step', async () => {
    const { service, databaseFile } = createGuarded();
    const database = openKnex(databaseFile);
    const migrate = (broken: boolean) =>
      service.guardMigration(() => database.migrate.latest({ migrationSource: source(broken) }));
    await expect(migrate(true)).rejects.toMatchObject({ code: 'migration_failed', facts: { restored: true } });
    expect(inspect(databaseFile, generations)).toBe('first:500');
    expect(await database.schema.hasTable('prices')).toBe(false);
    const { result } = await migrate(false);
    expect(result).toEqual([1, ['0001_prices', '0002_names']]);
    expect(await database.schema.hasColumn('prices', 'name')).toBe(true);
  });
});

describe('with Umzug', () => {
  it('the steps that had run are undone with the one that failed', async () => {
    const { service, database, rows } = createGuarded();
    database.exec('CREATE TABLE migrations (name TEXT PRIMARY KEY)');
    const umzug = new Umzug({
      migrations: [
        { name: '0001', up: async () => void database.exec('CREATE TABLE prices (id)') },
        { name: '0002', up: async () => void database.exec('INSERT INTO nowhere VALUES (1)') },
      ],
      storage: {
        logMigration: async ({ name }) => void database.prepare('INSERT INTO migrations VALUES (?)').run(name),
        unlogMigration: async ({ name }) => void database.prepare('DELETE FROM migrations WHERE name = ?').run(name),
        executed: async () => database.prepare('SELECT name FROM migrations').pluck().all() as string[],
      },
      logger: undefined,
    });
    await expect(service.guardMigration(() => umzug.up(), { label: 'umzug' })).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringContaining('no such table: nowhere'),
      facts: { restored: true },
    });
    expect(rows('migrations')).toBe(0);
    expect((await umzug.pending()).map(({ name }) => name)).toEqual(['0001', '0002']);
  });
});
