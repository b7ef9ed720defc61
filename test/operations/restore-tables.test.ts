import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bodyOf, problemOf, receiptSchema } from '../helpers/contract.js';
import { tamperSchema } from '../helpers/database-files.js';
import { call, createOne, phrase, startApp } from '../helpers/http-app.js';
import { inspect, integrity } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService, storedBackups } from '../helpers/workspace.js';

const shop = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE, cents INTEGER);
  CREATE TABLE log (line TEXT);
  INSERT INTO users VALUES (1, 'ann'), (2, 'bob');
  INSERT INTO orders (user_id, cents) VALUES (1, 100), (2, 200), (2, 300);
  INSERT INTO log VALUES ('one');
`;

/** A live database in use, whose state of `sql` is in a backup. */
async function createShop(sql: string = shop, { wal = true } = {}) {
  const folder = temporaryFolder();
  const [file, directory] = [join(folder, 'app.db'), join(folder, 'backups')];
  const database = new Database(file);
  if (wal) database.pragma('journal_mode = WAL');
  database.exec(sql);
  onTestFinished(() => void database.close());
  const { service } = openService({ database: file, directory });
  const { filename } = await service.create();
  const all = (table: string): unknown[] => database.prepare(`SELECT * FROM ${table}`).raw().all();
  const restore = (...tables: string[]) => service.restore(filename, { tables });
  return { file, directory, database, service, filename, all, restore };
}

describe('the rows of chosen tables', () => {
  it.each([
    ['a write-ahead log', true],
    ['a rollback journal', false],
  ])('replace the live ones, and nothing else does (%s)', async (_what, wal) => {
    const { database, service, restore, all, filename } = await createShop(shop, { wal });
    database.exec(`DELETE FROM orders; UPDATE users SET name = 'eve'; INSERT INTO log VALUES ('two')`);
    const receipt = await restore('orders');
    expect(all('orders')).toEqual([
      [1, 1, 100],
      [2, 2, 200],
      [3, 2, 300],
    ]);
    expect([all('users'), all('log')]).toEqual([
      [
        [1, 'eve'],
        [2, 'eve'],
      ],
      [['one'], ['two']],
    ]);
    expect(receipt).toMatchObject({
      restored: filename,
      tables: { orders: { before: 0, after: 3 }, users: { before: 2, after: 2 }, log: { before: 2, after: 2 } },
      checks: { foreign_keys: 'passed', rows: 'passed' },
      warnings: [],
    });
    expect(integrity(database)).toBe('ok');
    const safety = await service.get(receipt.safetyBackup);
    expect(safety).toMatchObject({ kind: 'safety', tables: { orders: 0, users: 2, log: 2 } });
    expect(safety.notes).toBe(`Replaced by ${filename} (orders)`);
  });

  it('go on being used by statements that were prepared before', async () => {
    const { database, restore } = await createShop();
    const count = database.prepare('SELECT count(*) FROM orders').pluck();
    database.exec('DELETE FROM orders');
    expect(count.get()).toBe(0);
    await restore('orders');
    expect(count.get()).toBe(3);
    database.exec('INSERT INTO orders (user_id, cents) VALUES (1, 5)');
    expect(count.get()).toBe(4);
  });

  it('can be put back by an undo, which can be undone', async () => {
    const { database, service, restore, all } = await createShop();
    database.exec('DELETE FROM orders WHERE id > 1');
    await restore('orders');
    database.exec("INSERT INTO log VALUES ('later')");
    const undo = async (): Promise<void> => {
      const { filename, tables } = await service.lastReplaced();
      await service.restore(filename, { tables });
    };
    await undo();
    expect([all('orders').length, all('log').length]).toEqual([1, 2]);
    await undo();
    expect([all('orders').length, all('log').length]).toEqual([3, 2]);
  });
});

describe('columns that only one side has', () => {
  it('are filled by their default, or left out, and told', async () => {
    const { database, restore, all } = await createShop();
    database.exec(`
      ALTER TABLE orders ADD COLUMN state TEXT NOT NULL DEFAULT 'new'; ALTER TABLE orders ADD COLUMN note;
      ALTER TABLE orders DROP COLUMN cents; DELETE FROM orders;
    `);
    const { warnings } = await restore('orders');
    expect(all('orders')).toEqual([
      [1, 1, 'new', null],
      [2, 2, 'new', null],
      [3, 2, 'new', null],
    ]);
    expect(warnings).toEqual([
      "orders.state is not in the backup: its rows have 'new' there.",
      'orders.note is not in the backup: its rows have NULL there.',
      'orders.cents of the backup has no place in the live database: it was left out.',
    ]);
  });

  it('may stand in another order', async () => {
    const { database, restore, all } = await createShop('CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 2, 3)');
    database.exec('DROP TABLE t; CREATE TABLE t (c, d DEFAULT 9, a, b)');
    await restore('t');
    expect(all('t')).toEqual([[3, 9, 1, 2]]);
  });

  it('that must have a value and have none refuse before anything is changed', async () => {
    const { database, directory, restore, all } = await createShop();
    database.exec('DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT NOT NULL)');
    database.exec("INSERT INTO users VALUES (1, 'a@b.c')");
    await expect(restore('orders', 'users')).rejects.toMatchObject({
      code: 'backup_incompatible',
      message: expect.stringContaining('users.mail must have a value, and the backup has none for it.'),
      facts: { problems: ['users.mail must have a value, and the backup has none for it.'] },
    });
    expect(all('users')).toEqual([[1, 'a@b.c']]);
    expect(storedBackups(directory)).toHaveLength(1);
  });
});

describe('what is between tables', () => {
  it('is not broken: rows that others refer to are not taken away', async () => {
    const { database, restore, all } = await createShop();
    database.exec("INSERT INTO users VALUES (3, 'cid'); INSERT INTO orders (user_id, cents) VALUES (3, 1)");
    await expect(restore('users')).rejects.toMatchObject({
      code: 'backup_incompatible',
      facts: { problems: ['rows of orders refer to rows of users that would be missing'] },
    });
    expect([all('users').length, all('orders').length]).toEqual([3, 4]);
    await restore('users', 'orders');
    expect([all('users').length, all('orders').length]).toEqual([2, 3]);
  });

  it('is not this restore’s where it was broken before', async () => {
    const { database, restore, all } = await createShop();
    database.pragma('foreign_keys = OFF');
    database.exec('INSERT INTO orders (user_id, cents) VALUES (77, 1); DELETE FROM log');
    await restore('users', 'log');
    expect([all('log'), all('orders').length]).toEqual([[['one']], 4]);
  });

  it('takes nothing with it: no cascade empties what refers to it', async () => {
    const { restore, all } = await createShop();
    await restore('users');
    expect(all('orders')).toHaveLength(3);
  });
});

describe('what a table is', () => {
  it.each([
    [
      'WITHOUT ROWID',
      't (a TEXT, b INTEGER, c, PRIMARY KEY (b, a)) WITHOUT ROWID',
      "('x', 1, NULL), ('y', 1, x'00ff')",
    ],
    ['STRICT', 't (a INTEGER PRIMARY KEY, b TEXT, c REAL, d ANY) STRICT', "(1, 'x', 1.5, 7), (2, NULL, NULL, 'z')"],
    ['with generated columns', 't (a INTEGER PRIMARY KEY, b, c AS (b * 2) STORED, d AS (b + 1))', null],
    ['without a key', 't (a, b)', "(NULL, ''), ('', NULL)"],
    ['with columns named rowid', 't (rowid, oid, _rowid_)', '(1, 2, 3)'],
    ['with odd names', '"t" ("a ""b" TEXT, "select" INTEGER, `c``d`)', "('x', 1, 2)"],
  ])('%s: its rows come back to the letter', async (_what, table, rows) => {
    const insert = rows === null ? 'INSERT INTO t (a, b) VALUES (1, 2), (2, 5)' : `INSERT INTO t VALUES ${rows}`;
    const { database, restore, all } = await createShop(`CREATE TABLE ${table}; ${insert}`);
    const before = all('t');
    database.exec('DELETE FROM t');
    await restore('t');
    expect(all('t')).toEqual(before);
  });

  it('rows without a key keep their rowid', async () => {
    const { database, restore } = await createShop(
      'CREATE TABLE t (a); INSERT INTO t (rowid, a) VALUES (7, 1), (42, 2)',
    );
    database.exec('DELETE FROM t');
    await restore('t');
    expect(database.prepare('SELECT rowid, a FROM t').raw().all()).toEqual([
      [7, 1],
      [42, 2],
    ]);
  });

  it('numbers that were ever given are not given again', async () => {
    const { database, restore } = await createShop();
    for (let count = 0; count < 4; count++) database.exec('INSERT INTO orders (user_id) VALUES (1)');
    database.exec('DELETE FROM orders');
    await restore('orders');
    const { lastInsertRowid } = database.prepare('INSERT INTO orders (user_id) VALUES (1)').run();
    expect(lastInsertRowid).toBe(8);
  });

  it('triggers do not fire, and are there afterwards', async () => {
    const { database, restore, all } = await createShop();
    const trigger = "CREATE TRIGGER told AFTER DELETE ON orders BEGIN INSERT INTO log VALUES ('gone ' || old.id); END";
    database.exec(trigger);
    database.exec("CREATE TRIGGER told_too BEFORE INSERT ON orders BEGIN SELECT raise(ABORT, 'no'); END");
    await restore('orders');
    expect(all('log')).toEqual([['one']]);
    expect(database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'told'").pluck().get()).toBe(trigger);
    expect(() => database.exec('INSERT INTO orders (user_id) VALUES (1)')).toThrow('no');
    database.exec('DELETE FROM orders WHERE id = 1');
    expect(all('log')).toEqual([['one'], ['gone 1']]);
  });

  it('a full-text index over it is built anew; the index itself is refused by name', async () => {
    const { database, restore } = await createShop(`
      CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
      CREATE VIRTUAL TABLE notes_index USING fts5(body, content='notes', content_rowid='id');
      CREATE TRIGGER notes_in AFTER INSERT ON notes BEGIN INSERT INTO notes_index(rowid, body) VALUES (new.id, new.body); END;
      INSERT INTO notes VALUES (1, 'the old tale'), (2, 'another one');
    `);
    database.exec(
      "INSERT INTO notes_index(notes_index) VALUES ('delete-all'); DELETE FROM notes; INSERT INTO notes VALUES (9, 'new')",
    );
    const find = (word: string): unknown[] =>
      database.prepare('SELECT rowid FROM notes_index WHERE notes_index MATCH ?').pluck().all(word);
    await restore('notes');
    expect([find('tale'), find('new')]).toEqual([[1], []]);
    for (const [name, why] of [
      ['notes_index', 'is a virtual table'],
      ['notes_index_data', 'is a part of a virtual table'],
    ] as const)
      await expect(restore(name)).rejects.toMatchObject({
        code: 'backup_incompatible',
        message: expect.stringContaining(`${name} ${why}`),
      });
  });

  it.each([
    `fts5(content='notes', body)`,
    `fts5(content='notes',body,content_rowid='id')`,
    `fts5(body, CON = [notes])`,
    `fts4(content="notes", body)`,
    'fts4(body,content=`notes`, tokenize=porter)',
    `fts5/*c*/(body, /* content='other' */ content='notes')`,
    `-- content='other'\n  "fts5" -- )\n(body, content=notes -- the end\n)`,
    `fts5(body, tokenize = "unicode61 tokenchars ',)'", content='notes')`,
  ])('a full-text index that was made by %s is built anew', async (module) => {
    const { database, restore } = await createShop(`
      CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'the old tale');
      CREATE VIRTUAL TABLE "using"/*c*/USING ${module}; INSERT INTO "using"("using") VALUES ('rebuild');
    `);
    const rebuild = `INSERT INTO "using"("using") VALUES ('rebuild')`;
    database.exec(`DELETE FROM notes; INSERT INTO notes VALUES (9, 'new'); ${rebuild}`);
    const find = database.prepare(`SELECT rowid FROM "using" WHERE "using" MATCH ?`).pluck();
    expect((await restore('notes')).warnings).toEqual([]);
    expect([find.all('tale'), find.all('new')]).toEqual([[1], []]);
  });

  it('a full-text index of which nothing tells whose content it has is named, and no other', async () => {
    const { database, restore } = await createShop(`
      CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE other (body TEXT);
      CREATE VIRTUAL TABLE own USING fts5(body); CREATE VIRTUAL TABLE older USING fts3(content=notes, body);
      CREATE VIRTUAL TABLE hollow USING fts5(body, content=''); CREATE VIRTUAL TABLE empty USING fts5(content="", body);
      CREATE VIRTUAL TABLE theirs USING fts5(content='other', body); CREATE VIRTUAL TABLE places USING rtree(id, a, b);
      CREATE VIRTUAL TABLE words USING fts5vocab(own, 'row'); CREATE VIRTUAL TABLE unclear USING fts5(body);
    `);
    database.unsafeMode(true);
    database.exec('DROP TABLE unclear_content');
    expect((await restore('notes')).warnings).toEqual([
      'unclear has no content of its own, and nothing tells whose it has: build it anew.',
    ]);
  });

  it.each([
    ['nowhere', 'The live database has no table nowhere.'],
    ['sqlite_sequence', 'sqlite_sequence is SQLite'],
    ['fresh', 'The backup has no table fresh.'],
    ['names', 'names is a view.'],
  ])('%s is refused by name, with every other one', async (name, told) => {
    const { database, restore, directory } = await createShop(`${shop}; CREATE VIEW names AS SELECT name FROM users`);
    database.exec('CREATE TABLE fresh (id); DELETE FROM log');
    await expect(restore('log', name)).rejects.toMatchObject({
      code: 'backup_incompatible',
      message: expect.stringContaining(told),
    });
    expect(database.prepare('SELECT count(*) FROM log').pluck().get()).toBe(0);
    expect(storedBackups(directory)).toHaveLength(1);
  });
});

describe('rows that do not fit are refused, and nothing is changed', () => {
  it.each([
    ['a type', 'CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER) STRICT'],
    ['a check', "CREATE TABLE t (a INTEGER PRIMARY KEY, b CHECK (b <> 'x'))"],
    ['a unique index', 'CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE)'],
    ['a unique index that takes the last', 'CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE ON CONFLICT REPLACE)'],
    ['a null', 'CREATE TABLE t (a INTEGER PRIMARY KEY, b, c NOT NULL)'],
  ])('by %s', async (_what, table) => {
    const { database, restore, all, service } = await createShop(
      "CREATE TABLE t (a INTEGER PRIMARY KEY, b, c); INSERT INTO t VALUES (1, 'x', 1), (2, 'x', NULL)",
    );
    database.exec(`DROP TABLE t; ${table}; INSERT INTO t (a, b) SELECT 7, 7 WHERE 0`);
    await expect(restore('t')).rejects.toMatchObject({ code: 'backup_incompatible' });
    expect(all('t')).toEqual([]);
    expect(integrity(database)).toBe('ok');
    expect((await service.status()).operation).toBeNull();
  });
});

describe('what differs only a little', () => {
  it('is a name in another case: its values come, and keys stay', async () => {
    const { database, restore, all } = await createShop(
      "CREATE TABLE T (id INTEGER PRIMARY KEY, Name); INSERT INTO T VALUES (10, 'x')",
    );
    database.exec('DROP TABLE T; CREATE TABLE t (ID INTEGER PRIMARY KEY, name)');
    expect((await restore('t')).warnings).toEqual([]);
    expect(all('t')).toEqual([[10, 'x']]);
  });

  it('is a type that turns values into others: how many is told', async () => {
    const { database, restore, all } = await createShop(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, phone TEXT); INSERT INTO t VALUES (1, '0049'), (2, 'x')",
    );
    database.exec('DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, phone INTEGER)');
    const { warnings } = await restore('t');
    expect(all('t')).toEqual([
      [1, 49],
      [2, 'x'],
    ]);
    expect(warnings).toEqual([
      't.phone: 1 values are other ones than in the backup, as its type or constraint is another.',
    ]);
  });

  it('is a column that is generated now: what it had is told as left out', async () => {
    const { database, restore } = await createShop('CREATE TABLE t (a, total); INSERT INTO t VALUES (2, 77)');
    database.exec('DROP TABLE t; CREATE TABLE t (a, total AS (a * 2))');
    expect((await restore('t')).warnings).toEqual([
      't.total of the backup has no place in the live database: it was left out.',
    ]);
  });

  it('is a key in descending order, which is no rowid', async () => {
    const { database, restore } = await createShop(
      'CREATE TABLE t (id INTEGER PRIMARY KEY DESC); INSERT INTO t (rowid, id) VALUES (10, 1), (20, 2)',
    );
    database.exec('DELETE FROM t');
    await restore('t');
    expect(database.prepare('SELECT rowid, id FROM t ORDER BY id').raw().all()).toEqual([
      [10, 1],
      [20, 2],
    ]);
  });
});

describe('references', () => {
  const family = `
    PRAGMA foreign_keys = OFF;
    CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE q (x);
    CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id), q REFERENCES q (x));
  `;

  it('of which one cannot be checked by SQLite are checked all the same', async () => {
    const { database, restore, all } = await createShop(
      `${family}; INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1, 2, NULL)`,
    );
    database.pragma('foreign_keys = OFF');
    database.exec('DELETE FROM c; DELETE FROM p WHERE id = 2');
    await expect(restore('c')).rejects.toMatchObject({
      facts: { problems: ['rows of c refer to rows of p that would be missing'] },
    });
    expect(all('c')).toEqual([]);
  });

  it.each([
    ['a table that is not there', 'REFERENCES gone (id)', 'gone, which is no table'],
    ['a view', 'REFERENCES seen (id)', 'seen, which is no table'],
    ['a column that is no key', 'REFERENCES p (n)', 'p (n), which is no key'],
    ['a column that is unique for some rows', 'REFERENCES p (part)', 'p (part), which is no key'],
    ['a column that is not there', 'REFERENCES p (gone)', 'p (gone), which is no key'],
    ['a table without a key', 'REFERENCES bare', 'bare, whose primary key has 0 columns and not 1'],
    ['a table whose key has two columns', 'REFERENCES pair', 'pair, whose primary key has 2 columns and not 1'],
  ])('to %s, which SQLite cannot check, are named and refuse nothing', async (_what, references, told) => {
    const { database, restore, all } = await createShop(`
      PRAGMA foreign_keys = OFF;
      CREATE TABLE p (id INTEGER PRIMARY KEY, n, part); CREATE UNIQUE INDEX some ON p (part) WHERE part > 0;
      CREATE TABLE bare (x); CREATE TABLE pair (a, b, PRIMARY KEY (a, b)); CREATE VIEW seen AS SELECT id FROM p;
      CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p, other ${references});
      INSERT INTO p VALUES (1, 1, 1); INSERT INTO c VALUES (1, 1, 5);
    `);
    database.pragma('foreign_keys = OFF');
    database.exec('DELETE FROM c');
    const { warnings, checks } = await restore('c');
    expect([all('c'), checks.foreign_keys]).toEqual([[[1, 1, 5]], 'warning']);
    expect(warnings).toEqual([`rows of c refer to ${told}: nothing tells whether what they refer to is there`]);
  });

  it('to a key by any name of it are checked', async () => {
    const { database, restore } = await createShop(`
      CREATE TABLE p (ID INTEGER PRIMARY KEY, a, b, UNIQUE (a, b)); CREATE TABLE k (code TEXT PRIMARY KEY) WITHOUT ROWID;
      CREATE TABLE c (one REFERENCES p (id), two REFERENCES p, x, y, k REFERENCES k (CODE), FOREIGN KEY (x, y) REFERENCES p (B, A));
      INSERT INTO p VALUES (1, 2, 3); INSERT INTO k VALUES ('k'); INSERT INTO c VALUES (1, 1, 3, 2, 'k');
    `);
    database.exec('DELETE FROM c');
    expect(await restore('c')).toMatchObject({ warnings: [], checks: { foreign_keys: 'passed' } });
    database.exec('DELETE FROM c; DELETE FROM p; DELETE FROM k');
    await expect(restore('c')).rejects.toMatchObject({
      facts: { problems: ['p', 'k'].map((name) => `rows of c refer to rows of ${name} that would be missing`) },
    });
  });

  it('that were broken before hide none that is new, and are told where they stay', async () => {
    const { database, service, filename, restore } = await createShop(
      `${family}; INSERT INTO p VALUES (7); INSERT INTO c VALUES (1, 7, NULL)`,
    );
    database.pragma('foreign_keys = OFF');
    database.exec('DELETE FROM p; UPDATE c SET p = 99');
    await expect(restore('c')).rejects.toMatchObject({ code: 'backup_incompatible' });
    database.exec('UPDATE c SET p = 7');
    const { checks, warnings } = await restore('c');
    expect(checks.foreign_keys).toBe('warning');
    expect(warnings).toEqual(['rows of c refer to rows of p that are missing']);
    expect((await service.list()).backups.filter(({ kind }) => kind === 'safety')).toHaveLength(1);
    expect(filename).not.toBe('');
  });

  it('by the tens of thousands do not hold the lock for long', async () => {
    const { database, restore } = await createShop(`
      CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
      CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id)) WITHOUT ROWID;
    `);
    database.pragma('foreign_keys = OFF');
    database.exec(
      'INSERT INTO c WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i, i + 9 FROM n',
    );
    const { durationMs } = await restore('p');
    expect(durationMs).toBeLessThan(20_000);
  });
});

describe('what only the application knows', () => {
  it.each([
    ['a function in an index', 'CREATE INDEX i ON t (mine(a))'],
    ['a trigger of another name of the database', 'CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT mine(new.a); END'],
  ])('(%s) is a refusal or no hindrance, never an internal error', async (_what, sql) => {
    const { database, restore, all } = await createShop(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x')",
    );
    database.function('mine', { deterministic: true }, (value) => value);
    database.exec(`DELETE FROM t; ${sql}`);
    const outcome = await restore('t').then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    expect(outcome).toBe(sql.includes('INDEX') ? 'backup_incompatible' : 'done');
    expect(all('t')).toHaveLength(outcome === 'done' ? 1 : 0);
  });

  it('a full-text index that triggers keep is named, and one over a view is built anew', async () => {
    const { database, restore } = await createShop(`
      CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
      INSERT INTO notes VALUES (1, 'the old tale');
      CREATE VIEW seen AS SELECT id, body FROM notes;
      CREATE VIRTUAL TABLE own USING fts5(body);
      CREATE VIRTUAL TABLE viewed USING "fts5"(body, content = 'seen', content_rowid='id');
      CREATE TRIGGER kept AFTER INSERT ON notes BEGIN INSERT INTO own VALUES (new.body); END;
    `);
    database.exec("DELETE FROM notes; INSERT INTO notes VALUES (9, 'new')");
    const { warnings } = await restore('notes');
    expect(warnings).toEqual(['own is kept by the trigger kept, which did not fire: it must be built anew.']);
    expect(database.prepare("SELECT rowid FROM viewed WHERE viewed MATCH 'tale'").pluck().all()).toEqual([1]);
  });
});

describe('references between columns of other types or orders', () => {
  it('that SQLite accepts by the affinity of the parent are no orphans', async () => {
    const { database, restore, all } = await createShop(`
      CREATE TABLE users (code TEXT PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY, code REFERENCES users (code));
      INSERT INTO users VALUES ('1'); INSERT INTO orders VALUES (1, 1);`);
    expect(database.pragma('foreign_key_check')).toEqual([]);
    database.exec('DELETE FROM orders');
    expect((await restore('orders')).checks.foreign_keys).toBe('passed');
    expect(all('orders')).toEqual([[1, 1]]);
  });

  it('that only look alike as numbers are orphans', async () => {
    const { database, restore } = await createShop(`
      CREATE TABLE users (code TEXT PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY, code INTEGER REFERENCES users (code));
      INSERT INTO users VALUES ('01');`);
    database.exec("INSERT INTO users VALUES ('1'); INSERT INTO orders VALUES (1, 1)");
    await expect(restore('users')).rejects.toMatchObject({ code: 'backup_incompatible' });
    expect(database.pragma('foreign_key_check')).toEqual([]);
  });

  it('of 40,000 rows whose type is none of the parent are looked up by its index', async () => {
    const rows = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40000)';
    const { restore } = await createShop(`
      CREATE TABLE users (id VARCHAR(36) PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id UUID REFERENCES users (id));
      INSERT INTO users ${rows} SELECT 'u' || i FROM n; INSERT INTO orders ${rows} SELECT i, 'u' || i FROM n;`);
    expect((await restore('orders')).checks.foreign_keys).toBe('passed');
  });

  it('in an order that only the application knows are refused by name', async () => {
    const { database, file, restore } = await createShop(`
      CREATE TABLE users (name TEXT PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY, u REFERENCES users (name));
      INSERT INTO users VALUES ('ann'); INSERT INTO orders VALUES (1, 'ann');`);
    database.pragma('wal_checkpoint(TRUNCATE)');
    tamperSchema(
      file,
      "UPDATE sqlite_schema SET sql = 'CREATE TABLE users (name TEXT COLLATE german PRIMARY KEY)' WHERE name = 'users'",
    );
    await expect(restore('orders')).rejects.toMatchObject({
      code: 'backup_incompatible',
      facts: { problems: [expect.stringContaining('no such collation sequence: german')] },
    });
  });
});

describe('names', () => {
  it('may be spelled in another case, and twice', async () => {
    const { database, restore } = await createShop();
    database.exec('DELETE FROM orders');
    const { tables } = await restore('ORDERS', 'orders');
    expect(tables).toEqual({
      orders: { before: 0, after: 3 },
      users: { before: 2, after: 2 },
      log: { before: 1, after: 1 },
    });
  });

  it('of columns that differ in the case of no ASCII letter are two', async () => {
    const { database, restore, all } = await createShop(`CREATE TABLE t ("É", "é"); INSERT INTO t VALUES (1, 2)`);
    database.exec('DELETE FROM t');
    await restore('t');
    expect(all('t')).toEqual([[1, 2]]);
  });

  it('of our own helpers are taken for no table of the application', async () => {
    const own = 'express_db_backup_orphans_0';
    const { database, restore } = await createShop(`
      CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE TABLE ${own} (id INTEGER PRIMARY KEY, user_id REFERENCES users);
      CREATE TRIGGER kept AFTER INSERT ON ${own} BEGIN SELECT 1; END;`);
    await restore(own);
    expect(database.prepare("SELECT tbl_name FROM sqlite_schema WHERE name = 'kept'").pluck().get()).toBe(own);
  });
});

describe('values that a column turns into others are told', () => {
  const other = (column: string) => expect.stringContaining(`t.${column}: its values may be other ones`);
  it.each([
    [
      'where the key is another',
      'id TEXT PRIMARY KEY, phone TEXT',
      "'01', '0049'",
      'id INTEGER PRIMARY KEY, phone INTEGER',
      [other('id'), other('phone')],
      [1, 49],
    ],
    [
      'where a row gets a number',
      'id INTEGER, phone TEXT',
      "NULL, '1'",
      'id INTEGER PRIMARY KEY, phone TEXT',
      [other('id')],
      [1, '1'],
    ],
  ])('%s', async (_what, before, values, now, told, row) => {
    const { database, restore, all } = await createShop(`CREATE TABLE t (${before}); INSERT INTO t VALUES (${values})`);
    database.exec(`DROP TABLE t; CREATE TABLE t (${now})`);
    expect((await restore('t')).warnings).toEqual(told);
    expect(all('t')).toEqual([row]);
  });

  it('where it is no longer strict', async () => {
    const { database, restore, all } = await createShop(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, d ANY) STRICT; INSERT INTO t VALUES (1, '007')",
    );
    database.exec('DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, d ANY)');
    expect((await restore('t')).warnings).toEqual([expect.stringContaining('t.d: 1 values are other ones')]);
    expect(all('t')).toEqual([[1, 7]]);
  });
});

describe('a restore that was refused', () => {
  it('leaves no safety backup, and nothing to undo', async () => {
    const { database, service, restore } = await createShop();
    database.exec("INSERT INTO users VALUES (3, 'cid'); INSERT INTO orders (user_id, cents) VALUES (3, 1)");
    await expect(restore('users')).rejects.toMatchObject({ code: 'backup_incompatible' });
    expect((await service.list()).backups.map(({ kind }) => kind)).toEqual(['manual']);
    await expect(service.lastReplaced()).rejects.toMatchObject({ code: 'backup_not_found' });
  });

  it('for tables that make no sense rejects like any other', async () => {
    const { service, filename } = await createShop();
    await expect(service.restore(filename, { tables: [] })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('over HTTP', () => {
  it('chooses tables, and undoes the last restore', async () => {
    const app = await startApp();
    await createOne(app);
    app.database.exec("DELETE FROM items; INSERT INTO commits VALUES ('kept')");
    const body = { confirm: phrase, tables: ['items'] };
    const receipt = bodyOf(await call(app, 'post', '/restore/latest', { body }), 200, receiptSchema);
    expect(receipt.tables).toEqual({ items: { before: 0, after: 500 }, commits: { before: 1, after: 1 } });
    problemOf(await call(app, 'post', '/restore/undo', { body: {} }), 400, 'confirmation_required');
    problemOf(await call(app, 'post', '/restore/undo', { role: 'ADMIN', body: { confirm: phrase } }), 403, 'forbidden');
    const other = { body: { confirm: phrase }, headers: { 'If-Match': '"another"' } };
    problemOf(await call(app, 'post', '/restore/undo', other), 412, 'backup_changed');
    const undone = bodyOf(await call(app, 'post', '/restore/undo', { body: { confirm: phrase } }), 200, receiptSchema);
    expect(undone).toMatchObject({ restored: receipt.safetyBackup, only: ['items'] });
    expect(undone.tables).toEqual({ items: { before: 500, after: 0 }, commits: { before: 1, after: 1 } });
  });

  it('has nothing to undo where nothing was restored', async () => {
    const app = await startApp();
    await createOne(app);
    problemOf(await call(app, 'post', '/restore/undo', { body: { confirm: phrase } }), 404, 'backup_not_found');
  });

  it.each([[[]], [['']], ['items'], [[1]]])('tables %j are invalid_request', async (tables) => {
    const app = await startApp();
    await createOne(app);
    problemOf(
      await call(app, 'post', '/restore/latest', { body: { confirm: phrase, tables } }),
      400,
      'invalid_request',
    );
  });
});

it('a live file that cannot be read is not restored in part, not even where it could be replaced', async () => {
  const { file, directory, service, filename, database } = await createShop(shop, { wal: false });
  database.close();
  await service.close();
  writeFileSync(file, 'Nothing of it is left. '.repeat(1_000));
  const before = readFileSync(file);
  const connection = { close: () => undefined, reopen: () => undefined };
  const { service: next } = openService({ database: file, directory, connection });
  await expect(next.restore(filename, { tables: ['log'] })).rejects.toMatchObject({ code: 'offline_restore_required' });
  expect(readFileSync(file)).toEqual(before);
  await next.restore(filename);
  expect(inspect(file, integrity)).toBe('ok');
});
