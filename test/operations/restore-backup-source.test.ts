import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { flipBit } from '../helpers/damage.js';
import { createDatabase, generations, inspect, integrity, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles, type Workspace } from '../helpers/workspace.js';

/** A database from elsewhere, imported as an uploaded backup. */
async function importDatabase(
  { folder, service }: Workspace,
  { sql, pageSize = 4096 }: { sql?: string; pageSize?: number } = {},
): Promise<string> {
  const file = join(folder, 'elsewhere.db');
  const database = createDatabase(file, { generation: 'uploaded', rows: 300, wal: false, pageSize });
  if (sql !== undefined) database.exec(sql);
  database.close();
  return (await service.importFile(file)).filename;
}

async function expectUntouched({ database, directory, service }: Workspace): Promise<void> {
  expect(generations(database)).toBe('first:500');
  expect(integrity(database)).toBe('ok');
  expect((await service.list({ kind: 'safety' })).total).toBe(0);
  expect(stagedFiles(directory)).toEqual([]);
}

describe('a source that must not be restored', () => {
  it.each<[string, (file: string) => void]>([
    ['one flipped bit', (file) => flipBit(file, Math.floor(statSync(file).size / 2), 3)],
    ['its last page cut off', (file) => execFileSync('truncate', ['-s', '-4096', file])],
    ['bytes appended', (file) => execFileSync('truncate', ['-s', '+4096', file])],
    [
      'rows changed through SQLite after it was listed',
      (file) => {
        const database = new Database(file);
        setGeneration(database, 'forged');
        database.close();
      },
    ],
  ])('with %s is backup_damaged, and live is untouched', async (_name, damage) => {
    const workspace = createWorkspace();
    const { filename } = await workspace.service.create();
    await workspace.service.list();
    damage(join(workspace.directory, filename));
    await expect(workspace.service.restore(filename)).rejects.toMatchObject({ code: 'backup_damaged' });
    await expectUntouched(workspace);
  });

  it('that carries another application_id is backup_incompatible', async () => {
    const workspace = createWorkspace();
    const filename = await importDatabase(workspace, { sql: 'PRAGMA application_id = 77' });
    await expect(workspace.service.restore(filename)).rejects.toMatchObject({ code: 'backup_incompatible' });
    await expectUntouched(workspace);
  });

  it('that lacks a table the live database must have is backup_incompatible', async () => {
    const workspace = createWorkspace({ service: { requiredTables: ['items', 'commits'] } });
    const filename = await importDatabase(workspace, { sql: 'DROP TABLE commits' });
    await expect(workspace.service.restore(filename)).rejects.toMatchObject({
      code: 'backup_incompatible',
      message: `${filename} lacks required tables: commits.`,
    });
    await expectUntouched(workspace);
  });

  it('that another manifest vouches for, or none, is backup_damaged', async () => {
    const workspace = createWorkspace();
    const { filename } = await workspace.service.create();
    execFileSync('rm', [join(workspace.directory, 'metadata', filename.replace(/\.db$/, '.json'))]);
    await expect(workspace.service.restore(filename)).rejects.toMatchObject({ code: 'backup_damaged' });
    await expectUntouched(workspace);
  });

  it('whose SHA-256 is not the one that was asked for is backup_changed', async () => {
    const workspace = createWorkspace();
    const { filename } = await workspace.service.create();
    await expect(workspace.service.restore(filename, { ifSha256: ['0'.repeat(64)] })).rejects.toMatchObject({
      code: 'backup_changed',
    });
    await expectUntouched(workspace);
  });
});

describe('a source that differs and may be restored', () => {
  it.each([1024, 65_536])('with pages of %i bytes takes the page size of live', async (pageSize) => {
    const workspace = createWorkspace();
    const filename = await importDatabase(workspace, { pageSize });
    expect(await workspace.service.restore(filename)).toMatchObject({ restored: filename });
    expect(generations(workspace.database)).toBe('uploaded:300');
    expect(integrity(workspace.database)).toBe('ok');
    expect(inspect(workspace.databaseFile, (live) => live.pragma('page_size', { simple: true }))).toBe(4096);
  });

  it.each([
    ['newer', 9],
    ['older', 2],
  ])('with a %s user_version is restored with a warning', async (age, version) => {
    const workspace = createWorkspace();
    workspace.database.pragma('user_version = 5');
    const filename = await importDatabase(workspace, { sql: `PRAGMA user_version = ${version}` });
    const { warnings } = await workspace.service.restore(filename);
    expect(warnings).toEqual([
      `The backup's schema version (user_version ${version}) is ${age} than the live one was (5).`,
    ]);
    expect(workspace.database.pragma('user_version', { simple: true })).toBe(version);
  });

  it.each([
    ['trigger', 'CREATE TRIGGER spy AFTER INSERT ON items BEGIN DELETE FROM commits; END'],
    ['view', 'CREATE VIEW spy AS SELECT key FROM commits'],
  ])('that was uploaded with a new %s is untrusted_objects unless acceptNewTriggers', async (_type, sql) => {
    const workspace = createWorkspace();
    const filename = await importDatabase(workspace, { sql });
    expect((await workspace.service.get(filename)).warnings).toEqual([expect.stringContaining('spy')]);
    await expect(workspace.service.restore(filename)).rejects.toMatchObject({ code: 'untrusted_objects' });
    await expectUntouched(workspace);
    await workspace.service.restore(filename, { acceptNewTriggers: true });
    expect(generations(workspace.database)).toBe('uploaded:300');
  });

  it('that was uploaded with the triggers live has is restored like any other', async () => {
    const workspace = createWorkspace();
    const sql = 'CREATE TRIGGER known AFTER INSERT ON items BEGIN DELETE FROM commits; END';
    workspace.database.exec(sql);
    const filename = await importDatabase(workspace, { sql });
    expect((await workspace.service.get(filename)).warnings).toEqual([]);
    expect(await workspace.service.restore(filename)).toMatchObject({ restored: filename });
  });

  it('with fewer and with more tables replaces the schema too, also for connections that are open', async () => {
    const workspace = createWorkspace();
    const before = await workspace.service.create();
    workspace.database.exec('CREATE TABLE later (id INTEGER); DROP TABLE commits');
    const { tables } = await workspace.service.restore(before.filename);
    expect(tables.later).toEqual({ before: 0, after: null });
    expect(tables.commits).toEqual({ before: null, after: 0 });
    expect(() => workspace.database.prepare('SELECT * FROM later').all()).toThrow(/no such table/);
    expect(workspace.database.prepare('SELECT count(*) FROM commits').pluck().get()).toBe(0);
  });

  it('leaves the source file as it was', async () => {
    const workspace = createWorkspace();
    const filename = await importDatabase(workspace, { pageSize: 1024 });
    const bytes = readFileSync(join(workspace.directory, filename));
    await workspace.service.restore(filename);
    expect(readFileSync(join(workspace.directory, filename)).equals(bytes)).toBe(true);
  });
});
