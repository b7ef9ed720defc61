import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { ReportBuilder } from '../../../../../dist/engines/report-builder.js';
import {
  checkForeignKeys,
  checkHeader,
  checkIntegrity,
  checkLength,
  checkRequiredTables,
  checkRows,
  checkSchema,
} from '../../../../../dist/engines/sqlite/child/verify/check-content.js';
import { damagePages, databaseOf, overwrite, tamperSchema } from '../../../../helpers/database-files.js';
import { createDatabase, inspect } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

const table = 'CREATE TABLE plain (x);';
const report = (check: (report: ReportBuilder) => void): ReturnType<ReportBuilder['build']> => {
  const builder = new ReportBuilder();
  check(builder);
  return builder.build();
};
const checked = (file: string, check: (database: Database.Database, report: ReportBuilder) => void) =>
  report((builder) => inspect(file, (database) => check(database, builder)));

function filled(): string {
  const file = join(temporaryFolder(), 'app.db');
  createDatabase(file, { wal: false }).close();
  return file;
}

describe('the header', () => {
  const written = (content: string | Buffer): string => {
    const file = join(temporaryFolder(), 'file.db');
    writeFileSync(file, content);
    return file;
  };
  it.each([
    ['nothing', ''],
    ['the magic alone', 'SQLite format 3\0'],
    ['something else', 'x'.repeat(200)],
  ])('of %s is no database', (_what, content) => {
    const outcome = report((builder) => checkHeader(written(content), builder, { standalone: false }));
    expect(outcome).toMatchObject({ ok: false, problems: ['The file is not a SQLite database.'] });
  });

  it('of a database in WAL mode passes, but not where the file must stand alone', () => {
    const file = databaseOf(table);
    overwrite(file, 18, Buffer.from([2, 2]));
    expect(report((builder) => checkHeader(file, builder, { standalone: false })).ok).toBe(true);
    expect(report((builder) => checkHeader(file, builder, { standalone: true })).problems).toEqual([
      'The file expects a write-ahead log beside it.',
    ]);
  });
});

describe('the length', () => {
  it('of a whole file passes', () => {
    const file = databaseOf(table);
    expect(checked(file, (database, builder) => checkLength(database, file, builder)).checks).toEqual({
      pages: 'passed',
    });
  });

  it('of a file with something behind its pages does not', () => {
    const file = databaseOf(table);
    appendFileSync(file, Buffer.alloc(100));
    expect(checked(file, (database, builder) => checkLength(database, file, builder)).problems).toEqual([
      'The file has 8292 bytes where its pages take 8192.',
    ]);
  });

  it('of a database without a page does not', () => {
    const file = databaseOf(table);
    truncateSync(file, 0);
    expect(checked(file, (database, builder) => checkLength(database, file, builder)).ok).toBe(false);
  });
});

describe('the integrity check', () => {
  const integrity = (file: string, level: 'quick' | 'full', strict: boolean) =>
    checked(file, (database, builder) => checkIntegrity(database, builder, { level, strict }));

  it.each(['quick', 'full'] as const)('at level %s passes a sound database', (level) => {
    expect(integrity(filled(), level, true)).toMatchObject({
      ok: true,
      checks: { [`${level === 'full' ? 'integrity' : 'quick'}_check`]: 'passed' },
    });
  });

  it.each([true, false])('finds damaged pages, strict or not (%s)', (strict) => {
    const file = filled();
    damagePages(file, 10, 3);
    const { ok, checks, problems } = integrity(file, 'quick', strict);
    expect([ok, checks.quick_check]).toEqual([false, 'failed']);
    expect(problems[0]).toMatch(/^quick_check.*malformed/);
    expect(problems.length).toBeLessThanOrEqual(20);
  });

  it('sees an index that misses its table only when it is full', () => {
    const file = databaseOf(
      `CREATE TABLE plain (x, y); CREATE INDEX by_x ON plain (x); INSERT INTO plain VALUES (1, 2);`,
    );
    tamperSchema(file, "UPDATE sqlite_schema SET sql = 'CREATE INDEX by_x ON plain (y)' WHERE name = 'by_x'");
    expect(integrity(file, 'quick', true).ok).toBe(true);
    expect(integrity(file, 'full', true)).toMatchObject({ ok: false, checks: { integrity_check: 'failed' } });
  });

  it.each([
    ['a function', 'CREATE INDEX by_x ON plain (lowered(x));', 'full', 'unknown function: lowered()'],
    ['a collation', 'CREATE INDEX by_x ON plain (x);', 'quick', 'no such collation sequence: german'],
  ] as const)(
    'that misses %s of the application warns of our own database and refuses another',
    (what, index, level, missing) => {
      const file = databaseOf(
        `CREATE TABLE plain (x TEXT); ${index} INSERT INTO plain VALUES ('a'), ('b');`,
        (database) => database.function('lowered', { deterministic: true }, (x: unknown) => String(x).toLowerCase()),
      );
      if (what === 'a collation')
        tamperSchema(
          file,
          "UPDATE sqlite_schema SET sql = 'CREATE INDEX by_x ON plain (x COLLATE german)' WHERE name = 'by_x'",
        );
      const own = integrity(file, level, false);
      expect([own.ok, own.warnings.length]).toEqual([true, 1]);
      expect(own.warnings[0]).toContain(missing);
      expect(integrity(file, level, true)).toMatchObject({ ok: false, problems: [expect.stringContaining(missing)] });
    },
  );
});

describe('foreign keys', () => {
  const family = 'CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (parent REFERENCES parents);';
  it('without orphans pass', () => {
    expect(checked(databaseOf(family), checkForeignKeys).checks).toEqual({ foreign_keys: 'passed' });
  });

  it('with orphans are a warning that counts them', () => {
    const file = databaseOf(`PRAGMA foreign_keys = OFF; ${family} INSERT INTO children VALUES (1), (2);`);
    expect(checked(file, checkForeignKeys)).toMatchObject({
      ok: true,
      warnings: ['2 rows refer to missing rows: children -> parents.'],
    });
  });

  it('that refer to no key at all are a warning', () => {
    const file = databaseOf(
      'CREATE TABLE parents (x); CREATE TABLE children (y REFERENCES parents (x)); PRAGMA foreign_keys = OFF; INSERT INTO children VALUES (1);',
    );
    const { ok, warnings } = checked(file, checkForeignKeys);
    expect([ok, warnings.length]).toEqual([true, 1]);
    expect(warnings[0]).toContain('foreign_key_check could not run: foreign key mismatch');
  });
});

describe('rows, tables and schema', () => {
  const file = (): string =>
    databaseOf('CREATE TABLE __proto__ (x); CREATE TABLE plain (x); INSERT INTO plain VALUES (1);');
  const rows = (entries: [string, number][]): Record<string, number> => Object.fromEntries(entries);

  it('pass when they are those that were backed up', () => {
    const expected = rows([
      ['__proto__', 0],
      ['plain', 1],
    ]);
    expect(checked(file(), (database, builder) => checkRows(database, expected, builder)).checks).toEqual({
      rows: 'passed',
    });
  });

  it('fail for each table that has more, less, or was not there', () => {
    const expected = rows([
      ['plain', 2],
      ['gone', 3],
    ]);
    expect(checked(file(), (database, builder) => checkRows(database, expected, builder)).problems).toEqual([
      'Table plain has 1 rows where 2 were backed up.',
      'Table gone has no rows where 3 were backed up.',
      'Table __proto__ has 0 rows where none were backed up.',
    ]);
  });

  it('do not fail for a virtual table that one side has not counted, and do for one that both have', () => {
    const file = databaseOf("CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one')");
    const counted = (tables: Record<string, number>) =>
      checked(file, (database, builder) => checkRows(database, tables, builder));
    expect([counted({}).ok, counted({ words: 1 }).ok]).toEqual([true, true]);
    expect(counted({ words: 2 }).problems).toEqual(['Table words has 1 rows where 2 were backed up.']);
    tamperSchema(file, "UPDATE sqlite_schema SET sql = replace(sql, 'fts5', 'nothere') WHERE name = 'words'");
    const shadows = { words_config: 1, words_content: 1, words_data: 3, words_docsize: 1, words_idx: 1 };
    expect(counted({ ...shadows, words: 1 })).toMatchObject({ ok: true, problems: [] });
  });

  it('fail when the schema is another one', () => {
    const outcome = checked(file(), (database, builder) => checkSchema(database, '0'.repeat(64), builder));
    expect(outcome.problems).toEqual(['The schema is not the one that was backed up.']);
  });

  it('fail when a required table is missing, also one that every object inherits', () => {
    const required = (names: string[]) => report((builder) => checkRequiredTables(['plain', 'É'], names, builder));
    expect(required(['plain', 'constructor', 'users']).problems).toEqual([
      'Required tables are missing: constructor, users.',
    ]);
    expect(required(['PLAIN', 'É']).ok).toBe(true);
    expect(required(['é']).ok).toBe(false);
  });
});
