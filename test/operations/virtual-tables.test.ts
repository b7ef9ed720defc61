import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { createWorkspace, openService, type WorkspaceOptions } from '../helpers/workspace.js';

const words = `
  CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one'), ('two');
  CREATE VIRTUAL TABLE places USING rtree(id, a, b); INSERT INTO places VALUES (1, 1, 2);
  CREATE VIEW seen AS SELECT body FROM words;
`;

/** A live database with virtual tables in use. */
function createWords(options: WorkspaceOptions['service'] = {}) {
  const workspace = createWorkspace({ live: { rows: 10 }, service: options });
  workspace.database.exec(words);
  return workspace;
}

const counted = { items: 10, commits: 0, words: 2, places: 1 };

describe('the rows of virtual tables', () => {
  it('are in the manifest, in health and in the receipt of a restore', async () => {
    const { database, service } = createWords({ requiredTables: ['WORDS', 'places'] });
    const { filename, tables, warnings } = await service.create();
    expect([tables, warnings]).toEqual([counted, []]);
    expect((await service.verify(filename, { level: 'drill' })).ok).toBe(true);
    database.exec('DELETE FROM words');
    expect((await service.health()).database.table_counts).toEqual({ ...counted, words: 0 });
    expect((await service.create()).warnings).toEqual([`Table words is empty; it had 2 rows in ${filename}.`]);
    const receipt = await service.restore(filename);
    expect(receipt.tables).toMatchObject({ words: { before: 0, after: 2 }, places: { before: 1, after: 1 } });
  });

  it('that keep no content of their own, which nobody can check, are backed up and restored with a warning', async () => {
    const { database, service } = createWorkspace({ live: { rows: 10 } });
    database.exec(
      `CREATE VIRTUAL TABLE bare USING fts4(content='', body); INSERT INTO bare(docid, body) VALUES (7, 'one')`,
    );
    const { filename, verification, warnings } = await service.create();
    expect([verification?.ok, warnings]).toEqual([true, [expect.stringContaining('unable to validate')]]);
    expect((await service.verify(filename, { level: 'full' })).ok).toBe(true);
    database.exec('DROP TABLE bare');
    await service.restore(filename);
    expect(database.prepare(`SELECT docid FROM bare WHERE bare MATCH 'one'`).pluck().all()).toEqual([7]);
  });

  it('are rows that must be there', async () => {
    const { database, service } = createWords({ minimumRows: { words: 2, Places: 2 } });
    const { ok, checks } = await service.validate();
    expect([ok, checks.rows_words, checks.rows_Places]).toEqual([false, true, false]);
    database.exec('INSERT INTO places VALUES (2, 1, 2); DELETE FROM words WHERE rowid = 1');
    expect((await service.validate()).findings).toMatchObject([
      { check: 'rows_words', message: 'The table words has 1 rows; it must have at least 2.' },
    ]);
  });

  it.each([
    ['are all deleted', 'DELETE FROM words', 'The table words had 2 rows and has none.'],
    ['go with their table', 'DROP VIEW seen; DROP TABLE words', 'The table words had 2 rows and is gone.'],
  ])('that %s by a migration make it fail, unless it may', async (_what, sql, told) => {
    const { database, service } = createWords();
    const migrate = (mayEmpty: string[]) => service.guardMigration(() => void database.exec(sql), { mayEmpty });
    await expect(migrate([])).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringContaining(told),
    });
    expect(database.prepare('SELECT count(*) FROM words').pluck().get()).toBe(2);
    expect((await migrate(['words'])).tables.before).toEqual(counted);
  });

  it('that show those of a table are told as they are after a restore of it', async () => {
    const { database, service } = createWords();
    database.exec(`CREATE VIRTUAL TABLE over USING fts5(generation, content='items', content_rowid='id')`);
    const { filename } = await service.create();
    database.exec('DELETE FROM items');
    const { tables } = await service.restore(filename, { tables: ['items'] });
    expect(tables).toMatchObject({ items: { before: 0, after: 10 }, over: { before: 0, after: 10 } });
  });

  it('may be missing in the manifest of an older backup', async () => {
    const { directory, database, databaseFile, service } = createWords();
    const { filename } = await service.create();
    await service.close();
    const file = join(directory, 'metadata', filename.replace(/\.db$/, '.json'));
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { tables: object };
    writeFileSync(file, JSON.stringify({ ...manifest, tables: { items: 10, commits: 0 } }));
    const { service: next } = openService({ database: databaseFile, directory, requiredTables: ['words'] });
    expect(await next.verify(filename, { level: 'drill' })).toMatchObject({ ok: true, problems: [] });
    database.exec('DROP VIEW seen; DROP TABLE words');
    expect((await next.restore(filename)).tables.words).toEqual({ before: null, after: 2 });
  });
});

it('a virtual table of a module that only the application has is there, and is not counted', async () => {
  const { database, service } = createWords({ requiredTables: ['mine'], minimumRows: { mine: 1 } });
  const rows = function* (): Generator<unknown[]> {
    yield [1];
  };
  // The types know no module of which several tables are made.
  const modules = database as unknown as { table(name: string, make: () => object): void };
  modules.table('own', () => ({ columns: ['n'], rows }));
  database.exec('CREATE VIRTUAL TABLE mine USING own()');
  const { checks, findings } = await service.validate();
  expect([checks.has_mine, checks.rows_mine, findings]).toEqual([true, null, []]);
  const { filename, tables } = await service.create();
  expect(tables).toEqual(counted);
  expect((await service.verify(filename, { level: 'full' })).ok).toBe(true);
  expect((await service.restore(filename)).tables.mine).toBeUndefined();
  expect(database.prepare('SELECT n FROM mine').pluck().all()).toEqual([1]);
});

describe('a required table', () => {
  it.each([['seen'], ['words_content'], ['nowhere']])('is not there where there is only %s', async (name) => {
    const { service } = createWords({ requiredTables: [name] });
    const { checks, findings } = await service.validate();
    expect([checks[`has_${name}`], findings[0]?.message]).toEqual([false, `The table ${name} is missing.`]);
    expect((await service.health()).database.missing_tables).toEqual([name]);
    await expect(service.create()).rejects.toMatchObject({
      code: 'source_damaged',
      message: expect.stringContaining(`Required tables are missing: ${name}.`),
    });
  });

  it('may be spelled in another case, by all that ask for it', async () => {
    const { database, service } = createWords({ requiredTables: ['ITEMS', 'Words'] });
    expect((await service.validate()).ok).toBe(true);
    const { filename } = await service.create();
    expect((await service.verify(filename, { level: 'drill' })).ok).toBe(true);
    database.exec('DELETE FROM items');
    expect((await service.restore(filename)).checks.required_tables).toBe('passed');
  });
});

it('a database that has views alone was initialised, and has no tables', async () => {
  const { database, databaseFile, service } = createWorkspace();
  database.exec('DROP TABLE items; DROP TABLE commits; CREATE VIEW one AS SELECT 1');
  expect((await service.validate()).checks).toMatchObject({ database_initialized: true });
  new Database(databaseFile).exec('DROP VIEW one').close();
  expect((await service.validate()).checks).toMatchObject({ database_initialized: false });
});
