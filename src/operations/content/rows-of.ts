import type { TableRows } from '../../engines/database-content.js';

/** Rows of a table, or null where there is no such table; a table named like an inherited property is no exception. */
export function rowsOf(tables: TableRows, name: string): number | null {
  return Object.hasOwn(tables, name) ? (tables[name] ?? null) : null;
}
