import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { TableChange } from 'express-db-backup';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyOf, compareSchema, problemOf } from '../helpers/contract.js';
import { call, createOne, startApp } from '../helpers/http-app.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

const touched = (tables: readonly TableChange[]): TableChange[] =>
  tables.filter(({ added, removed, changed }) => added + removed + changed > 0);

/** A live database of these statements, and a service for it. */
function createShop(sql: string) {
  const folder = temporaryFolder();
  const file = join(folder, 'app.db');
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.exec(sql);
  return {
    database,
    directory: join(folder, 'backups'),
    ...openService({ database: file, directory: join(folder, 'backups') }),
  };
}

describe('two states of a database', () => {
  it('that are the same have no difference', async () => {
    const { service } = createWorkspace();
    await service.create();
    const { from, to, schema, tables } = await service.compare('latest', 'live');
    expect([from, to]).toEqual([expect.stringMatching(/^app_backup_/), 'live']);
    expect([schema, touched(tables)]).toEqual([[], []]);
    expect(tables).toContainEqual({ name: 'items', rowsFrom: 500, rowsTo: 500, added: 0, removed: 0, changed: 0 });
  });

  it('are told by rows added, removed and changed, in the direction that is asked for', async () => {
    const { service, database } = createWorkspace();
    await service.create();
    database.exec(`DELETE FROM items WHERE id <= 30; UPDATE items SET generation = 'x' WHERE id BETWEEN 31 AND 50`);
    database.exec(`INSERT INTO commits VALUES ('a'), ('b')`);
    const items = { name: 'items', rowsFrom: 500, rowsTo: 470, added: 0, removed: 30, changed: 20 };
    const commits = { name: 'commits', rowsFrom: 0, rowsTo: 2, added: 2, removed: 0, changed: 0 };
    expect((await service.compare('latest', 'live')).tables).toEqual([commits, items]);
    expect((await service.compare('live', 'latest')).tables).toEqual([
      { name: 'commits', rowsFrom: 2, rowsTo: 0, added: 0, removed: 2, changed: 0 },
      { name: 'items', rowsFrom: 470, rowsTo: 500, added: 30, removed: 0, changed: 20 },
    ]);
    const second = await service.create();
    const [first] = (await service.list({ order: 'asc' })).backups;
    expect((await service.compare(String(first?.filename), second.filename)).tables).toEqual([commits, items]);
  });

  it('are told by what their schemas have and have not', async () => {
    const { service, database } = createShop(`
      CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
      CREATE TABLE old (id);
      CREATE INDEX users_by_name ON users (name);
      CREATE VIEW names AS SELECT name FROM users;
      INSERT INTO users VALUES (1, 'a', 1), (2, 'b', 2);
    `);
    await service.create();
    database.exec(`
      ALTER TABLE users DROP COLUMN age; ALTER TABLE users ADD COLUMN mail TEXT NOT NULL DEFAULT '';
      DROP TABLE old; DROP INDEX users_by_name; DROP VIEW names; CREATE VIEW names AS SELECT id FROM users;
      CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END; CREATE TABLE fresh (id);
      INSERT INTO fresh VALUES (1);
    `);
    const { schema, tables } = await service.compare('latest', 'live');
    expect(schema.map(({ type, name, table, change }) => `${change} ${type} ${name} (${table})`)).toEqual([
      'removed index users_by_name (users)',
      'added table fresh (fresh)',
      'removed table old (old)',
      'changed table users (users)',
      'removed column age (users)',
      'added column mail (users)',
      'added trigger t (users)',
      'changed view names (names)',
    ]);
    expect(schema.find(({ name }) => name === 'mail')?.to).toBe("TEXT NOT NULL DEFAULT ''");
    expect(tables).toEqual([
      { name: 'fresh', rowsFrom: null, rowsTo: 1, added: 1, removed: 0, changed: 0 },
      { name: 'old', rowsFrom: 0, rowsTo: null, added: 0, removed: 0, changed: 0 },
      { name: 'users', rowsFrom: 2, rowsTo: 2, added: 0, removed: 0, changed: 0 },
    ]);
  });

  it.each([
    ['no primary key', 't (a, b)', "(1, 'x'), (2, 'y')", "UPDATE t SET b = 'z' WHERE a = 1"],
    ['a text key', 't (a TEXT PRIMARY KEY, b)', "('1', 'x'), ('2', 'y')", "UPDATE t SET b = 'z' WHERE a = '1'"],
    [
      'two columns of a key',
      't (a, b, c, PRIMARY KEY (b, a)) WITHOUT ROWID',
      '(1, 2, 3), (2, 2, 3)',
      'UPDATE t SET c = 7 WHERE a = 1',
    ],
    [
      'columns named rowid',
      't (rowid TEXT, oid, b)',
      "('p', 1, 2), ('q', 2, 2)",
      "UPDATE t SET b = 9 WHERE rowid = 'p'",
    ],
    [
      'a collation',
      't (a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE)',
      "(1, 'x'), (2, 'y')",
      "UPDATE t SET b = 'X' WHERE a = 1",
    ],
    [
      'a null that is not empty',
      't (a INTEGER PRIMARY KEY, b)',
      "(1, NULL), (2, '')",
      "UPDATE t SET b = '' WHERE a = 1",
    ],
    [
      'a generated column',
      't (a INTEGER PRIMARY KEY, b, c AS (b || 1))',
      "(1, 'x'), (2, 'y')",
      "UPDATE t SET b = 'z' WHERE a = 1",
    ],
    [
      'a quote in its name',
      '"t""x" (a INTEGER PRIMARY KEY, b)',
      "(1, 'x'), (2, 'y')",
      `UPDATE "t""x" SET b = 'z' WHERE a = 1`,
    ],
  ])('of a table with %s are told by its rows', async (_what, table, rows, change) => {
    const [name = ''] = /^("(?:[^"]|"")+"|\w+)/.exec(table) ?? [];
    const columns = name === 't' && table.includes('AS (') ? '(a, b)' : '';
    const { service, database } = createShop(`CREATE TABLE ${table}; INSERT INTO ${name} ${columns} VALUES ${rows}`);
    await service.create();
    expect(touched((await service.compare('latest', 'live')).tables)).toEqual([]);
    database.exec(change);
    const { tables } = await service.compare('latest', 'live');
    expect(tables).toMatchObject([{ rowsFrom: 2, rowsTo: 2, added: 0, removed: 0, changed: 1 }]);
  });

  it.each([
    [
      'of a key that another collation tells apart',
      "t (id TEXT PRIMARY KEY COLLATE NOCASE); INSERT INTO t VALUES ('a')",
      "t (id TEXT PRIMARY KEY); INSERT INTO t VALUES ('a'), ('A')",
      [1, 2, 1, 0, 0],
    ],
    [
      'of a key of another type',
      't (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)',
      "t (id TEXT PRIMARY KEY); INSERT INTO t VALUES ('1'), ('01')",
      [1, 2, 1, 0, 1],
    ],
    [
      'of a key that is no longer strict',
      "t (k ANY PRIMARY KEY) STRICT; INSERT INTO t VALUES ('1'), (1)",
      't (k ANY PRIMARY KEY); INSERT INTO t VALUES (1)',
      [2, 1, 0, 1, 1],
    ],
    [
      'with a key that is null',
      't (id TEXT PRIMARY KEY, b); INSERT INTO t VALUES (NULL, 1), (NULL, 2)',
      't (id TEXT PRIMARY KEY, b); INSERT INTO t VALUES (NULL, 1), (NULL, 2)',
      [2, 2, 0, 0, 0],
    ],
    [
      'with numbers of another type',
      't (id INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 1)',
      't (id INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 1.0)',
      [1, 1, 0, 0, 1],
    ],
    [
      'whose names have another case',
      "T (Id INTEGER PRIMARY KEY, Name); INSERT INTO T VALUES (1, 'x')",
      "t (id INTEGER PRIMARY KEY, name); INSERT INTO t VALUES (1, 'y')",
      [1, 1, 0, 0, 1],
    ],
    [
      'with more columns than an expression may have',
      `t (id INTEGER PRIMARY KEY, ${Array.from({ length: 1_500 }, (_each, index) => `c${index}`).join(', ')}); INSERT INTO t (id, c7) VALUES (1, 1)`,
      `t (id INTEGER PRIMARY KEY, ${Array.from({ length: 1_500 }, (_each, index) => `c${index}`).join(', ')}); INSERT INTO t (id, c7) VALUES (1, 2)`,
      [1, 1, 0, 0, 1],
    ],
  ] as const)('of a table %s are counted right', async (_what, before, after, counts) => {
    const { service, database } = createShop(`CREATE TABLE ${before}`);
    await service.create();
    database.exec(`DROP TABLE t; CREATE TABLE ${after}`);
    const { tables } = await service.compare('latest', 'live');
    expect(
      tables.map(({ rowsFrom, rowsTo, added, removed, changed }) => [rowsFrom, rowsTo, added, removed, changed]),
    ).toEqual([counts]);
  });

  it('whatever was done between them, is what was done', async () => {
    const { service, database } = createShop('CREATE TABLE t (id INTEGER PRIMARY KEY, value)');
    const anyRows = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3 })), {
      selector: ([id]) => id,
    });
    const fill = (rows: readonly [number, number][]): void => {
      database.exec('DELETE FROM t');
      for (const row of rows) database.prepare('INSERT INTO t VALUES (?, ?)').run(...row);
    };
    await fc.assert(
      fc.asyncProperty(anyRows, anyRows, async (before, after) => {
        fill(before);
        const { filename } = await service.create();
        fill(after);
        const [was, is] = [new Map(before), new Map(after)];
        const added = after.filter(([id]) => !was.has(id)).length;
        const removed = before.filter(([id]) => !is.has(id)).length;
        const changed = after.filter(([id, value]) => was.has(id) && was.get(id) !== value).length;
        const expected = { name: 't', rowsFrom: was.size, rowsTo: is.size, added, removed, changed };
        expect((await service.compare(filename, 'live')).tables).toEqual([expected]);
      }),
      { numRuns: 15 },
    );
  });
});

describe('over HTTP', () => {
  it('answers the shape of the contract', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    app.database.exec('DELETE FROM items WHERE id = 1');
    const body = bodyOf(await call(app, 'get', '/compare?from=latest&to=live'), 200, compareSchema);
    expect(body).toMatchObject({ from: filename, to: 'live', schema: [] });
    expect(body.tables[1]).toEqual({ name: 'items', rowsFrom: 500, rowsTo: 499, added: 0, removed: 1, changed: 0 });
  });

  it.each([
    ['from=latest', 400, 'invalid_request'],
    ['from=latest&to=latest', 400, 'invalid_request'],
    ['from=live&to=live', 400, 'invalid_request'],
    ['from=..%2f..%2fetc%2fpasswd&to=live', 400, 'invalid_filename'],
    ['from=app_backup_2020-01-01_00-00-00.db&to=live', 404, 'backup_not_found'],
    ['from=latest&to=live&more=1', 400, 'invalid_request'],
  ])('%s is %i %s', async (query, status, code) => {
    const app = await startApp();
    await createOne(app);
    problemOf(await call(app, 'get', `/compare?${query}`), status, code);
  });
});

it('a backup that is damaged, or has files beside it, is told as that', async () => {
  const { service, directory } = createWorkspace();
  const { filename, size } = await service.create();
  writeFileSync(join(directory, `${filename}-wal`), 'x');
  await expect(service.compare('latest', 'live')).rejects.toMatchObject({ code: 'backup_damaged' });
  const second = await service.create();
  writeFileSync(join(directory, second.filename), Buffer.alloc(size, 7));
  await expect(service.compare(second.filename, 'live')).rejects.toMatchObject({ code: 'backup_damaged' });
});

it('a live file that is destroyed is told as that, and no sound backup is blamed for it', async () => {
  const { service, database, databaseFile } = createWorkspace();
  const { filename } = await service.create();
  database.close();
  writeFileSync(databaseFile, 'No database any more. '.repeat(1_000));
  const told = { code: 'source_damaged' };
  await expect(service.compare(filename, 'live')).rejects.toMatchObject(told);
  await expect(service.compare('live', filename)).rejects.toMatchObject(told);
  await expect(service.create()).rejects.toMatchObject(told);
});
