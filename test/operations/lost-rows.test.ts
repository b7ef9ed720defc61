import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { LineLogger } from '../helpers/line-logger.js';
import { createWorkspace, openService, type Workspace } from '../helpers/workspace.js';

const makes = async ({ service }: Workspace, times: number): Promise<void> => {
  for (let made = 0; made < times; made++) await service.create();
};
const restoreOf = (filename: string, tables = ''): string => `npx express-db-backup restore ${filename}${tables}`;

describe('an emptied database', () => {
  it('does not become healthy, and the last backup with rows stays until they are back', async () => {
    const workspace = createWorkspace({ service: { retention: { keep: 2 } } });
    const { service, database } = workspace;
    database.exec("INSERT INTO commits VALUES ('a')");
    const { filename } = await service.create();
    database.exec('DELETE FROM items; DELETE FROM commits');
    await makes(workspace, 5);
    const { status, checks, findings } = await service.health();
    expect([status, checks.tables_kept]).toEqual(['degraded', false]);
    expect(findings).toMatchObject([{ check: 'tables_kept', command: restoreOf(filename, ' --tables commits items') }]);
    const { kept } = await service.cleanup({ dryRun: true });
    expect(kept.find((decision) => decision.filename === filename)?.reason).toBe(
      'has rows of the table items, which has lost all of them since',
    );
    await service.restore(filename, { tables: ['commits', 'items'] });
    await makes(workspace, 2);
    expect((await service.health()).status).toBe('healthy');
    expect((await service.list({ kind: 'manual' })).total).toBe(2);
  });

  it('is told before any backup of it is made, and no longer when its rows are back', async () => {
    const { service, database } = createWorkspace();
    const { filename } = await service.create();
    expect((await service.health()).status).toBe('healthy');
    database.exec('DELETE FROM items');
    await expect
      .poll(async () => (await service.health()).findings.map(({ command }) => command))
      .toEqual([restoreOf(filename, ' --tables items')]);
    await service.restore(filename, { tables: ['items'] });
    await expect.poll(async () => (await service.health()).status).toBe('healthy');
  });

  it('that was restored and is emptied again is told again', async () => {
    const workspace = createWorkspace();
    const { service, database } = workspace;
    await makes(workspace, 3);
    const [last] = (await service.list()).backups;
    database.exec('DELETE FROM items');
    await makes(workspace, 1);
    await service.restore(String(last?.filename));
    const { filename } = await service.create();
    database.exec('DELETE FROM items');
    await expect
      .poll(async () => (await service.health()).findings.map(({ command }) => command))
      .toEqual([restoreOf(filename, ' --tables items')]);
  });

  it('of which another kind of backup is the newest is told all the same', async () => {
    const { service, database } = createWorkspace();
    const { filename } = await service.create();
    database.exec('DELETE FROM items');
    await service.create();
    await service.create({ kind: 'pre_migration' });
    expect((await service.health()).findings).toMatchObject([
      { check: 'tables_kept', command: restoreOf(filename, ' --tables items') },
    ]);
  });

  it('keeps what proves the loss when all else that is left is from before the table had rows', async () => {
    const workspace = createWorkspace({ service: { retention: { keep: 3 } } });
    const { service, database } = workspace;
    const before = await service.create();
    await service.update(before.filename, { pinned: true });
    database.exec("INSERT INTO commits VALUES ('a')");
    await makes(workspace, 3);
    const [last] = (await service.list()).backups;
    database.exec('DELETE FROM commits');
    await makes(workspace, 4);
    expect((await service.health()).findings[0]?.command).toBe(restoreOf(last?.filename ?? '', ' --tables commits'));
  });
});

it('a table that was dropped, as by a migration that nobody undid, is told with the whole backup', async () => {
  const { service, database } = createWorkspace();
  const { filename } = await service.create();
  await expect(
    service.guardMigration(
      () => {
        database.exec('DROP TABLE items');
        throw new Error('The migration has a fault.');
      },
      { onFailure: 'keep' },
    ),
  ).rejects.toMatchObject({ code: 'migration_failed' });
  const { backups } = await service.list({ kind: 'pre_migration' });
  expect(backups[0]?.filename).not.toBe(filename);
  expect((await service.health()).findings).toMatchObject([
    {
      check: 'tables_kept',
      message: expect.stringContaining('The table items lost all its rows; it had 500 in app_pre_migration_'),
      command: restoreOf(backups[0]?.filename ?? ''),
    },
  ]);
});

it('a table of `mayEmpty` is no loss, and no backup stays for it', async () => {
  const workspace = createWorkspace({ service: { retention: { keep: 2 }, mayEmpty: ['ITEMS'] } });
  const { service, database } = workspace;
  await service.create();
  database.exec('DELETE FROM items');
  await makes(workspace, 2);
  expect((await service.health()).status).toBe('healthy');
  expect((await service.list()).total).toBe(2);
});

describe('a deploy that needs a new table and has lost the database', () => {
  it.each(['is missing', 'has no tables'])('which %s: its rows come back, and then the migration', async (what) => {
    const { service: before, database, databaseFile, directory } = createWorkspace();
    const { filename } = await before.create();
    await before.close();
    database.close();
    for (const ending of ['', '-wal', '-shm']) rmSync(databaseFile + ending, { force: true });
    if (what === 'has no tables') new Database(databaseFile).exec('VACUUM').close();
    const { service } = openService({
      database: databaseFile,
      directory,
      requiredTables: ['items', 'prices'],
      initialize: () => expect.fail(),
      connection: { close: () => undefined, reopen: () => undefined },
      schedule: false,
      verifyEvery: false,
      logger: new LineLogger(),
    });
    const { validation, initialized } = await service.start();
    expect([validation.ok, initialized]).toEqual([false, false]);
    expect(validation.findings[0]?.command).toBe(restoreOf('latest'));
    expect((await service.health()).findings[0]?.command).toBe(restoreOf('latest'));
    await expect(service.guardMigration(() => expect.fail())).rejects.toMatchObject({ code: 'database_missing' });
    const { warnings } = await service.restore('latest');
    expect(warnings).toContain(`${filename} lacks required tables: prices. Run the migrations that make them.`);
    const migrate = (): void => void new Database(databaseFile).exec('CREATE TABLE prices (id)').close();
    const { validation: after, tables } = await service.guardMigration(migrate);
    expect([after.ok, tables.after.items]).toEqual([true, 500]);
  });
});
