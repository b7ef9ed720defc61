import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { readTable } from '../database/columns.js';

/** The columns that a reference without column names means. */
export function primaryKeyOf(database: Database, table: string): string[] {
  return database
    .prepare(`SELECT name FROM pragma_table_xinfo(?, 'main') WHERE pk > 0 ORDER BY pk`)
    .pluck()
    .all(table) as string[];
}

/**
 * What is wrong with the parent of a reference, or null: SQLite refers to rows of tables alone, and by columns that
 * together are their primary key or have a unique index (sqlite.org/foreignkeys.html, 3 and 5).
 * @param width columns of the reference
 */
export function whyUnchecked(
  database: Database,
  parent: string,
  columns: readonly string[],
  width: number,
): string | null {
  const type = database
    .prepare(`SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE`)
    .pluck()
    .get(parent);
  if (type !== 'table' && type !== 'shadow') return `${parent}, which is no table`;
  if (columns.length !== width) return `${parent}, whose primary key has ${columns.length} columns and not ${width}`;
  return isKey(database, parent, columns) ? null : `${parent} (${columns.join(', ')}), which is no key`;
}

function isKey(database: Database, table: string, columns: readonly string[]): boolean {
  const { alias } = readTable(database, 'main', table);
  const wanted = shape(columns);
  if (alias !== null && wanted === shape([alias])) return true;
  const indexes = database
    .prepare(`SELECT name FROM pragma_index_list(?, 'main') WHERE "unique" = 1 AND partial = 0`)
    .pluck()
    .all(table) as string[];
  const columnsOf = database.prepare(`SELECT name FROM pragma_index_xinfo(?, 'main') WHERE key = 1`).pluck();
  return indexes.some((index) => {
    const names = columnsOf.all(index) as (string | null)[];
    return names.every((name) => name !== null) && shape(names) === wanted;
  });
}

const shape = (columns: readonly string[]): string => JSON.stringify(columns.map(foldCase).sort());
