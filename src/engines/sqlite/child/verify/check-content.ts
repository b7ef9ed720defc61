import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { systemCode } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { missingTables } from '../../../../system/missing-tables.js';
import type { TableRows } from '../../../database-content.js';
import type { ReportBuilder } from '../../../report-builder.js';
import { saysDamaged } from '../database/describe-error.js';
import { countRows, schemaDigest, tableNames, virtualNames } from '../database/read-facts.js';

const magic = 'SQLite format 3\0';
/** Offset 18 of the header: 1 is a rollback journal, 2 a write-ahead log (SQLite file format, 1.3.3). */
const writeVersionOffset = 18;
/** More lines add nothing for the reader and can be made endless by a hostile file. */
const mostProblems = 20;

/** Looks at the first bytes only, without SQLite: is this a database that stands alone? */
export function checkHeader(file: string, report: ReportBuilder, { standalone }: { standalone: boolean }): void {
  const header = Buffer.alloc(100);
  const descriptor = openSync(file, 'r');
  let length: number;
  try {
    length = readSync(descriptor, header, 0, header.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (length < header.length || header.toString('latin1', 0, magic.length) !== magic) {
    report.fail('header', 'The file is not a SQLite database.');
  } else {
    report.check(
      'header',
      !standalone || header[writeVersionOffset] === 1,
      'The file expects a write-ahead log beside it.',
    );
  }
}

/** The file is exactly as long as its pages: nothing cut off, nothing appended. */
export function checkLength(database: Database, file: string, report: ReportBuilder): void {
  const pages = Number(database.pragma('page_count', { simple: true }));
  const expected = pages * Number(database.pragma('page_size', { simple: true }));
  const actual = statSync(file).size;
  report.check(
    'pages',
    pages > 0 && actual === expected,
    `The file has ${actual} bytes where its pages take ${expected}.`,
  );
}

/** What SQLite says of an FTS4 table without content, whose index it has nothing to compare with. Damage it tells otherwise. */
const isUnchecked = /^unable to validate the inverted index for FTS\d table .*: SQL logic error$/s;

/**
 * `quick_check` walks every page, `integrity_check` also compares every index with its table.
 * With `strict`, a check that cannot run is a problem; without it (our own database, whose functions and collations
 * live in the application) it is a warning.
 */
export function checkIntegrity(
  database: Database,
  report: ReportBuilder,
  { level, strict }: { level: 'quick' | 'full'; strict: boolean },
): void {
  const pragma = level === 'full' ? 'integrity_check' : 'quick_check';
  try {
    const lines = database.prepare(`PRAGMA ${pragma}(${mostProblems})`).pluck().all() as string[];
    if (lines.length === 1 && lines[0] === 'ok') report.check(pragma, true, '');
    // Virtual tables come last: whatever else there is to say was said before.
    else if (!strict && lines.every((line) => isUnchecked.test(line))) report.warn(pragma, ...lines);
    else report.fail(pragma, ...lines.map((line) => `${pragma}: ${line}`));
  } catch (error) {
    const message = `${pragma} could not run: ${error instanceof Error ? error.message : String(error)}.`;
    const missesApplication = systemCode(error)?.startsWith('SQLITE_ERROR') === true && !saysDamaged(error);
    if (!missesApplication || strict) report.fail(pragma, message);
    else checkTables(database, report, { pragma, message });
  }
}

/**
 * What an index or a CHECK that only the application can evaluate leaves to be checked: each table by itself, and of
 * the tables in question every row. A page that cannot be read is damage whatever else could not be asked.
 */
function checkTables(
  database: Database,
  report: ReportBuilder,
  { pragma, message }: { pragma: string; message: string },
): void {
  for (const name of tableNames(database)) {
    const table = `"${name.replaceAll('"', '""')}"`;
    try {
      const lines = database.prepare(`PRAGMA ${pragma}(${table})`).pluck().all() as string[];
      if (lines[0] !== 'ok') report.fail(pragma, ...lines.slice(0, mostProblems));
    } catch (error) {
      if (saysDamaged(error) || !canReadRows(database, table))
        report.fail(pragma, `Table ${name} cannot be read to its end.`);
    }
  }
  if (report.ok) report.warn(pragma, message);
}

function canReadRows(database: Database, table: string): boolean {
  try {
    for (const _row of database.prepare(`SELECT * FROM main.${table} NOT INDEXED`).raw().iterate());
    return true;
  } catch (error) {
    return !saysDamaged(error);
  }
}

/** Rows that refer to missing rows are the application's business: reported, and no damage. */
export function checkForeignKeys(database: Database, report: ReportBuilder): void {
  const orphans = new Map<string, number>();
  try {
    for (const row of database.prepare('PRAGMA foreign_key_check').iterate() as Iterable<{
      table: string;
      parent: string;
    }>) {
      const key = `${row.table} -> ${row.parent}`;
      orphans.set(key, (orphans.get(key) ?? 0) + 1);
    }
  } catch (error) {
    report.warn(
      'foreign_keys',
      `foreign_key_check could not run: ${error instanceof Error ? error.message : String(error)}.`,
    );
    return;
  }
  if (orphans.size === 0) report.check('foreign_keys', true, '');
  else
    report.warn(
      'foreign_keys',
      ...[...orphans].slice(0, mostProblems).map(([key, rows]) => `${rows} rows refer to missing rows: ${key}.`),
    );
}

export function checkSchema(database: Database, expectedSha256: string, report: ReportBuilder): void {
  report.check('schema', schemaDigest(database) === expectedSha256, 'The schema is not the one that was backed up.');
}

export function checkRows(database: Database, expected: TableRows, report: ReportBuilder): void {
  const actual = countRows(database);
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  const virtual = new Set(virtualNames(database));
  const wrong = names.filter((name) => {
    const [before, now] = [rowsOf(expected, name), rowsOf(actual, name)];
    // An older manifest does not count virtual tables, nor does an engine that lacks the module. The schema tells whether they are there.
    const isUntold = virtual.has(name) && (before === undefined || now === undefined);
    return before !== now && !isUntold;
  });
  if (wrong.length === 0) report.check('rows', true, '');
  else
    report.fail(
      'rows',
      ...wrong
        .slice(0, mostProblems)
        .map(
          (name) =>
            `Table ${name} has ${rowsOf(actual, name) ?? 'no'} rows where ${rowsOf(expected, name) ?? 'none'} were backed up.`,
        ),
    );
}

/** A table may be called what every object inherits. */
function rowsOf(tables: TableRows, name: string): number | undefined {
  return Object.hasOwn(tables, name) ? tables[name] : undefined;
}

export function checkRequiredTables(
  tables: readonly string[],
  required: readonly string[],
  report: ReportBuilder,
): void {
  const missing = missingTables(required, tables);
  report.check('required_tables', missing.length === 0, `Required tables are missing: ${missing.join(', ')}.`);
}
