import type { TableRows } from '../../engines/database-content.js';
import type { ShrunkTable } from '../../events/outcomes.js';
import { foldCase } from '../../system/fold-case.js';
import type { Backup } from '../../vault/backup.js';
import { rowsOf } from './rows-of.js';

/** Tables that lost all their rows since the previous backup, and are none of those that may: something emptied them. */
export function shrunkTables(
  tables: TableRows,
  previous: Backup | undefined,
  mayEmpty: readonly string[] = [],
): Omit<ShrunkTable, 'filename'>[] {
  if (previous === undefined) return [];
  // SQLite tells no table from another by the case of its name.
  const rows = new Map(Object.entries(tables).map(([name, count]) => [foldCase(name), count]));
  const allowed = new Set(mayEmpty.map(foldCase));
  return Object.keys(previous.tables).flatMap((table) => {
    if (allowed.has(foldCase(table))) return [];
    const before = rowsOf(previous.tables, table) ?? 0;
    const after = rows.get(foldCase(table)) ?? null;
    if (before === 0 || (after ?? 0) > 0) return [];
    return [{ table, before, after: after === null ? null : 0, previous: previous.filename }];
  });
}

/**
 * What an operator must hear although the backup is sound: a database without tables was never initialised, and a
 * table that lost all its rows was emptied by something.
 */
export function contentWarnings(
  tables: TableRows,
  previous: Backup | undefined,
  mayEmpty: readonly string[] = [],
): string[] {
  if (Object.keys(tables).length === 0) return ['The database has no tables.'];
  return shrunkTables(tables, previous, mayEmpty).map(({ table, before, after, previous: from }) => {
    const lost = after === null ? 'is gone' : 'is empty';
    return `Table ${table} ${lost}; it had ${before} rows in ${from}.`;
  });
}
