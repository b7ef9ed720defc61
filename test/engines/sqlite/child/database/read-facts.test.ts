import { expect, it } from 'vitest';
import {
  countMinimums,
  countRows,
  everyTable,
  readFacts,
  readObjects,
  schemaDigest,
} from '../../../../../dist/engines/sqlite/child/database/read-facts.js';
import { damagePages, databaseOf, tamperSchema } from '../../../../helpers/database-files.js';
import { inspect } from '../../../../helpers/live-database.js';

const everyKindOfTable = `
  CREATE TABLE "quo""ted" (x);
  CREATE TABLE "it's; DROP TABLE plain" (x);
  CREATE TABLE __proto__ (x);
  CREATE TABLE constructor (x);
  CREATE TABLE sqliteish (x);
  CREATE TABLE plain (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
  CREATE TABLE typed (x INT) STRICT;
  CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE computed (a INT, b INT AS (a * 2) STORED, c INT AS (a * 3) VIRTUAL);
  CREATE VIRTUAL TABLE search USING fts5(body);
  CREATE VIEW doubled AS SELECT x FROM plain;
  CREATE TRIGGER logged AFTER INSERT ON plain BEGIN INSERT INTO typed VALUES (1); END;
  INSERT INTO "quo""ted" VALUES (1), (2);
  INSERT INTO __proto__ VALUES (1), (2), (3);
  INSERT INTO plain (x) VALUES (1);
  INSERT INTO keyed VALUES ('a'), ('b');
  INSERT INTO computed (a) VALUES (7);
  INSERT INTO search VALUES ('words');
`;

it('every table is counted, ordinary or virtual, whatever it is called, and nothing else', () => {
  const rows = inspect(databaseOf(everyKindOfTable), countRows);
  expect(Object.entries(rows).sort()).toEqual([
    ['__proto__', 3],
    ['computed', 1],
    ['constructor', 0],
    ["it's; DROP TABLE plain", 0],
    ['keyed', 2],
    ['plain', 1],
    ['quo"ted', 2],
    ['search', 1],
    ['sqliteish', 0],
    ['typed', 1],
  ]);
  expect(Object.getPrototypeOf(rows)).toBe(Object.prototype);
});

const virtualTables = `
  CREATE TABLE docs (body); INSERT INTO docs VALUES ('one'), ('two');
  CREATE VIRTUAL TABLE over USING fts5(body, content='docs');
  CREATE VIRTUAL TABLE older USING fts4(body); INSERT INTO older VALUES ('one');
  CREATE VIRTUAL TABLE places USING rtree(id, a, b); INSERT INTO places VALUES (1, 1, 2);
  CREATE VIRTUAL TABLE lost USING fts5(body, content='gone');
  CREATE VIRTUAL TABLE hollow USING fts5(body, content='', columnsize=0);
  CREATE VIRTUAL TABLE foreign_one USING fts5(body, content='docs');
`;

it('a virtual table whose module is not there, or cannot tell its rows, is a table and is not counted', () => {
  const file = databaseOf(virtualTables);
  tamperSchema(file, "UPDATE sqlite_schema SET sql = replace(sql, 'fts5', 'nothere') WHERE name = 'foreign_one'");
  const told = inspect(file, (database) => ({
    rows: countRows(database),
    some: countRows(database, { of: ['docs'] }),
    least: countMinimums(database, { DOCS: 1, OVER: 1, places: 5, lost: 1, foreign_one: 1, nowhere: 1 }, expect.fail),
    tables: everyTable(database),
  }));
  const counted = { docs: 2, older: 1, over: 2, places: 1 };
  expect(told.rows).toMatchObject(counted);
  expect(['lost', 'hollow', 'foreign_one', 'older_content'].filter((name) => name in told.rows)).toEqual([]);
  expect(told.some).toEqual(counted);
  expect(told.least).toEqual({ DOCS: 1, OVER: 1, places: 1 });
  const all = ['docs', 'foreign_one', 'hollow', 'lost', 'older', 'over', 'places'];
  expect(told.tables.filter((name) => !name.startsWith('foreign_one_'))).toEqual(all);
});

// One that cannot be counted is left out in silence; damage must not be taken for that.
it('a damaged virtual table is told as any other', () => {
  const file = databaseOf("CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one')");
  const root = inspect(file, (database) =>
    database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'words_content'").pluck().get(),
  );
  damagePages(file, Number(root), 1);
  const damaged: string[] = [];
  expect(inspect(file, (database) => countRows(database, { onDamaged: (name) => damaged.push(name) }))).toEqual({});
  expect(damaged).toEqual(['words']);
});

it('what can run SQL of whoever wrote it is named with its kind', () => {
  expect(Object.keys(inspect(databaseOf(everyKindOfTable), readObjects)).sort()).toEqual([
    'trigger logged',
    'view doubled',
  ]);
});

it('a trigger of the same name on another table is another trigger', () => {
  const trigger = (table: string): string => `
    CREATE TABLE one (x); CREATE TABLE two (x);
    CREATE TRIGGER guard AFTER INSERT ON ${table} BEGIN SELECT 1; END;`;
  const [first, second] = ['one', 'two'].map((table) => inspect(databaseOf(trigger(table)), readObjects));
  expect(first?.['trigger guard']).toMatch(/^[0-9a-f]{64}$/);
  expect(first?.['trigger guard']).not.toBe(second?.['trigger guard']);
});

it('statistics that SQLite keeps for itself leave the schema as it was', () => {
  const schema = 'CREATE TABLE plain (x); CREATE INDEX by_x ON plain (x); INSERT INTO plain VALUES (1);';
  expect(inspect(databaseOf(`${schema} ANALYZE;`), schemaDigest)).toBe(inspect(databaseOf(schema), schemaDigest));
});

it.each([
  ['a table', 'CREATE TABLE other (x)'],
  ['an index', 'CREATE INDEX by_x ON plain (x)'],
  ['a view', 'CREATE VIEW seen AS SELECT 1'],
  ['a trigger', 'CREATE TRIGGER guard AFTER INSERT ON plain BEGIN SELECT 1; END'],
  ['a column', 'ALTER TABLE plain ADD COLUMN y'],
])('%s more is another schema', (_what, change) => {
  const schema = 'CREATE TABLE plain (x);';
  expect(inspect(databaseOf(`${schema} ${change};`), schemaDigest)).not.toBe(inspect(databaseOf(schema), schemaDigest));
});

it('the facts are those that the database tells of itself', () => {
  const sql = 'PRAGMA page_size = 8192; PRAGMA user_version = 42; PRAGMA application_id = 7; CREATE TABLE plain (x);';
  const facts = inspect(databaseOf(sql), readFacts);
  expect(facts).toMatchObject({ size: 16384, pageSize: 8192, pageCount: 2, userVersion: 42, applicationId: 7 });
  expect(facts.engineVersion).toMatch(/^3\.\d+\.\d+$/);
  expect(facts.schemaSha256).toMatch(/^[0-9a-f]{64}$/);
});

it('a database without any table has facts and no rows', () => {
  const file = databaseOf('PRAGMA user_version = 1');
  expect(inspect(file, countRows)).toEqual({});
  expect(inspect(file, readObjects)).toEqual({});
  expect(inspect(file, readFacts)).toMatchObject({ pageCount: 1 });
});
