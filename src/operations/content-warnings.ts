import type { TableRows } from '../engines/engine.js';
import type { Backup } from '../vault/backup.js';

/**
 * What an operator must hear although the backup is sound: a database without tables was never initialised, and a
 * table that lost all its rows since the previous backup was emptied by something.
 */
export function contentWarnings(tables: TableRows, previous: Backup | undefined): string[] {
  if (Object.keys(tables).length === 0) return ['The database has no tables.'];
  const before = previous?.tables ?? {};
  return Object.keys(before)
    .filter((name) => (before[name] ?? 0) > 0 && (tables[name] ?? 0) === 0)
    .map((name) => {
      const now = Object.hasOwn(tables, name) ? 'is empty' : 'is gone';
      return `Table ${name} ${now}; it had ${before[name]} rows in ${previous?.filename}.`;
    });
}
