import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import {
  type BackupError,
  type BackupServiceOptions,
  createBackupService,
  type ServiceEvents,
} from 'express-db-backup';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { damagePages } from '../helpers/database-files.js';
import { LineLogger } from '../helpers/line-logger.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, storedBackups } from '../helpers/workspace.js';

const unattended = { schedule: false, verifyEvery: false } as const;

/** A service whose live file is what `content` makes of it; nothing where it makes nothing. */
function openOn(content: (file: string) => void, options: Partial<BackupServiceOptions> = {}) {
  const folder = temporaryFolder();
  const [file, directory] = [join(folder, 'app.db'), join(folder, 'backups')];
  content(file);
  const logger = new LineLogger();
  return { file, directory, logger, ...openService({ database: file, directory, logger, ...unattended, ...options }) };
}

const nothing = (): void => undefined;
const empty = (file: string): void => writeFileSync(file, '');
const withSql =
  (sql: string) =>
  (file: string): void => {
    const database = new Database(file);
    database.exec(sql);
    database.close();
  };
const noDatabase = (file: string): void => writeFileSync(file, 'This is no database. '.repeat(500));

describe('a start tells of a live database that is not what it must be', () => {
  it.each([
    ['is missing', nothing, 'database_exists'],
    ['is empty', empty, 'database_initialized'],
    ['has no tables', withSql('PRAGMA user_version = 4'), 'database_initialized'],
    ['is no database', noDatabase, 'database_readable'],
    ['lacks a table', withSql('CREATE TABLE orders (id); PRAGMA user_version = 4'), 'has_users'],
    ['has no rows where rows must be', withSql('CREATE TABLE users (id); PRAGMA user_version = 5'), 'rows_users'],
    [
      'has none in a table that is spelled otherwise',
      withSql('CREATE TABLE USERS (id); PRAGMA user_version = 5'),
      'rows_users',
    ],
    ['is of an older schema', withSql('CREATE TABLE users (id); INSERT INTO users VALUES (1)'), 'schema_version'],
  ])('that %s: one line with the command that mends it', async (_what, content, check) => {
    const { service, logger } = openOn(content, { minimumRows: { users: 1 }, expectedUserVersion: 4 });
    const told: ServiceEvents['database.validated'][] = [];
    service.on('database.validated', (report) => told.push(report));
    const { validation } = await service.start();
    expect(validation.ok).toBe(false);
    expect(validation.checks[check]).toBe(false);
    expect(told).toEqual([validation]);
    const lines = logger.lines.filter(({ message }) => message === 'the live database is not what it must be');
    expect(lines.map(({ level, fields }) => [level, fields.check])).toEqual([['error', check]]);
    expect(lines[0]?.fields.command).toMatch(/^npx express-db-backup (restore|migrate)/);
  });

  it('also of a table that must have rows and has a page that is none, as health does of every table', async () => {
    const content = (file: string): void => {
      createDatabase(file, { rows: 5_000, wal: false }).close();
      damagePages(file, 2, 1);
    };
    const { service } = openOn(content, { minimumRows: { Items: 1 } });
    const damaged = { check: 'reads_items', severity: 'critical', message: 'The table items is damaged.' };
    expect((await service.start()).validation.findings).toMatchObject([damaged]);
    const { status, findings } = await service.health();
    expect([status, findings[0]]).toEqual(['critical', expect.objectContaining(damaged)]);
  });

  it('also of one that cannot be looked at, and goes on', async () => {
    const { service, internalErrors } = openOn((file) => mkdirSync(file));
    const { validation } = await service.start();
    expect(validation).toMatchObject({ ok: false, checks: { database_readable: false } });
    expect(internalErrors.splice(0)).toHaveLength(1);
    const { status } = await service.health();
    expect(status).toBe('critical');
    expect(internalErrors.splice(0)).toHaveLength(1);
  });

  it('by rejecting, where the host wants that, and then nothing is done unattended', async () => {
    const { service } = openOn(nothing, { onInvalid: 'throw', schedule: { every: '1s' } });
    await expect(service.start()).rejects.toMatchObject({
      code: 'database_invalid',
      message: expect.stringContaining('is missing. Run: npx express-db-backup'),
      facts: { findings: [{ check: 'database_exists', severity: 'critical' }] },
    });
    expect((await service.status()).schedule.enabled).toBe(false);
  });
});

it('a vault that cannot be used is told with the reason and what to do, and `list` says the same', async () => {
  const { service, directory } = openOn(withSql('CREATE TABLE users (id)'), {});
  mkdirSync(join(directory, '.state'), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, '.state', 'vault.json'), 'no JSON');
  const { findings } = await service.health();
  expect(findings).toMatchObject([
    { check: 'backups_readable', severity: 'degraded', command: 'npx express-db-backup list' },
  ]);
  const { hint } = await service.list().then(
    () => expect.unreachable(),
    (error: BackupError) => error,
  );
  expect(findings[0]?.message).toBe(`The backups cannot be read: This directory cannot be the vault. ${hint}`);
});

describe('the host’s own check', () => {
  it.each([
    ['says no', () => false],
    ['rejects', async () => Promise.reject(new Error('There are no orders.'))],
  ])('that %s is a finding; its reason is for the log', async (_what, check) => {
    const { service, internalErrors } = createWorkspace({ service: { check } });
    const { ok, checks, findings } = await service.validate();
    expect([ok, checks.host_check, findings.length]).toEqual([false, false, 1]);
    expect(JSON.stringify(findings)).not.toContain('no orders');
    expect(findings[0]?.command).toMatch(/^npx express-db-backup migrate/);
    await service.create();
    expect((await service.validate()).findings[0]?.command).toBe('npx express-db-backup compare latest');
    internalErrors.splice(0);
  });

  it('is given the live file, and is not asked about one that cannot be read', async () => {
    const asked: string[] = [];
    const check = (path: string): boolean => asked.push(path) > 0;
    const { service, databaseFile, database } = createWorkspace({ service: { check } });
    expect((await service.validate()).ok).toBe(true);
    database.close();
    for (const name of ['', '-wal', '-shm']) rmSync(databaseFile + name, { force: true });
    expect((await service.validate()).ok).toBe(false);
    expect(asked).toEqual([databaseFile]);
  });
});

it('a start without a log warns of what is critical', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => void warned.mockRestore());
  const { service } = openOn(nothing, { requiredTables: ['users'], logger: undefined });
  await service.start();
  expect(warned.mock.calls).toEqual([
    [
      'The live database file is missing. Run: npx express-db-backup migrate -- <your migration command>',
      { type: 'ExpressDbBackupWarning', code: 'database_exists' },
    ],
  ]);
});

describe('`initialize`', () => {
  const tables = 'CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1)';

  it.each([
    ['is missing', nothing, 0],
    ['is empty', empty, 0],
    ['has no tables, which is backed up first', withSql('PRAGMA user_version = 4'), 1],
  ])('makes the tables of a database that %s, once', async (_what, content, backups) => {
    let calls = 0;
    const { file, directory, service } = openOn(content, {
      requiredTables: [],
      initialize: () => {
        calls++;
        withSql(tables)(file);
      },
    });
    const { initialized, validation } = await service.start();
    expect([initialized, validation.ok, calls]).toEqual([true, true, 1]);
    expect((await service.start()).initialized).toBe(false);
    expect(calls).toBe(1);
    expect(storedBackups(directory).map((name) => name.includes('_pre_migration_'))).toEqual(Array(backups).fill(true));
  });

  it('makes no tables in the place of a database that was lost', async () => {
    let calls = 0;
    const { file, service } = openOn(withSql(tables), { requiredTables: [], initialize: () => void calls++ });
    const { filename } = await service.create();
    rmSync(file);
    const { initialized, validation } = await service.start();
    expect([initialized, validation.ok, calls]).toEqual([false, false, 0]);
    expect(validation.findings[0]).toMatchObject({
      check: 'database_exists',
      command: 'npx express-db-backup restore latest',
    });
    expect((await service.list()).backups[0]?.filename).toBe(filename);
  });

  it('makes none either where this version needs more tables than any backup has', async () => {
    const first = openOn(withSql(tables), { requiredTables: [] });
    const { filename } = await first.service.create();
    await first.service.close();
    rmSync(first.file);
    let calls = 0;
    const options = { ...unattended, requiredTables: ['users', 'prices'], initialize: () => void calls++ };
    const { service } = openService({
      database: first.file,
      directory: first.directory,
      logger: first.logger,
      ...options,
    });
    expect([(await service.start()).initialized, calls]).toEqual([false, 0]);
    await expect(service.guardMigration(() => expect.fail())).rejects.toMatchObject({
      code: 'database_missing',
      message: expect.stringMatching(
        `It lacks some of .*requiredTables.* Run: npx express-db-backup restore ${filename}`,
      ),
    });
  });

  it.each([
    ['has a table, even an empty one', withSql('CREATE TABLE other (id)')],
    ['is no database', noDatabase],
    [
      'has a virtual table alone',
      withSql("CREATE VIRTUAL TABLE notes USING fts5(body); INSERT INTO notes VALUES ('x')"),
    ],
  ])('never touches one that %s', async (_what, content) => {
    let calls = 0;
    const { file, service } = openOn(content, { initialize: () => void calls++ });
    const before = readFileSync(file);
    expect((await service.start()).initialized).toBe(false);
    expect(calls).toBe(0);
    expect(readFileSync(file)).toEqual(before);
  });

  it('is not called where a log lies without its file: what is in it may be saved', async () => {
    let calls = 0;
    const { file, service } = openOn((path) => writeFileSync(`${path}-wal`, 'a log'), {
      initialize: () => void calls++,
    });
    const { initialized, validation } = await service.start();
    expect([initialized, calls, validation.ok]).toEqual([false, 0, false]);
    expect(readFileSync(`${file}-wal`, 'utf8')).toBe('a log');
  });

  it('is called by one of several processes that start at once', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'app.db');
    let calls = 0;
    const options = {
      database: file,
      directory: join(folder, 'backups'),
      ...unattended,
      initialize: async () => {
        calls++;
        await new Promise((resolve) => setTimeout(resolve, 100));
        withSql(tables)(file);
      },
    };
    const services = [0, 1, 2].map(() => createBackupService(options));
    onTestFinished(async () => void (await Promise.all(services.map((service) => service.close()))));
    const reports = await Promise.all(services.map((service) => service.start()));
    expect([calls, reports.filter(({ initialized }) => initialized).length]).toEqual([1, 1]);
    expect(reports.every(({ validation }) => validation.ok)).toBe(true);
  });

  it('that fails makes the start fail with its error', async () => {
    const { service, file } = openOn(nothing, {
      initialize: () => {
        throw new Error('The migration has a fault.');
      },
    });
    await expect(service.start()).rejects.toThrow('The migration has a fault.');
    expect(existsSync(file)).toBe(false);
  });
});

describe('after a restore the database is looked at again', () => {
  it('and one that was valid before, and has too few rows since, is told', async () => {
    const { service, database } = createWorkspace();
    database.exec('DELETE FROM items');
    const { filename } = await service.create();
    database.exec("INSERT INTO items (generation, filler) VALUES ('second', x'00')");
    await service.close();
    const strict = openAgainWith(database.name, { minimumRows: { items: 1 } });
    expect((await strict.start()).validation.ok).toBe(true);
    const told = new Promise<ServiceEvents['database.validated']>((resolve) =>
      strict.on('database.validated', resolve),
    );
    await strict.restore(filename);
    expect(await told).toMatchObject({ ok: false, findings: [{ check: 'rows_items' }] });
  });

  it('and not after a backup of one that is valid', async () => {
    const { service } = createWorkspace();
    let looks = 0;
    service.on('database.validated', () => looks++);
    await service.validate();
    await service.create();
    await service.close();
    expect(looks).toBe(1);
  });
});

/** Another service for a database in use, as after a deploy with other options. */
function openAgainWith(file: string, options: Partial<BackupServiceOptions>) {
  return openService({ database: file, directory: join(dirname(file), 'backups'), ...unattended, ...options }).service;
}
