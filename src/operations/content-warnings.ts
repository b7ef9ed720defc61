import type { TableRows } from '../engines/engine.js';
import type { Backup } from '../vault/backup.js';
import { rowsOf } from './rows-of.js';

/**
 * What an operator must hear although the backup is sound: a database without tables was never initialised, and a
 * table that lost all its rows since the previous backup was emptied by something.
 */
export function contentWarnings(tables: TableRows, previous: Backup | undefined): string[] {
  if (Object.keys(tables).length === 0) return ['The database has no tables.'];
  const before = previous?.tables ?? {};
  return Object.keys(before).flatMap((name) => {
    const now = rowsOf(tables, name);
    if (rowsOf(before, name) === 0 || (now ?? 0) > 0) return [];
    const lost = now === null ? 'is gone' : 'is empty';
    return [`Table ${name} ${lost}; it had ${rowsOf(before, name)} rows in ${previous?.filename}.`];
  });
}
