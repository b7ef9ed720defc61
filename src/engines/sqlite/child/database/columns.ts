import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';

/** A database of a connection: its main one, or one that is attached. */
export type SchemaName = 'main' | 'other';

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** SQL of its default, or null. */
  readonly standard: string | null;
  /** Its place in the primary key, from 1 on; 0 for none. */
  readonly key: number;
  readonly isGenerated: boolean;
}

export interface Table {
  readonly columns: readonly Column[];
  /** Columns of the primary key, in its order. */
  readonly key: readonly string[];
  /** The column that is another name of the rowid, or null. */
  readonly alias: string | null;
  /** What tells one primary key from another: its columns, their types and collations. */
  readonly keyShape: string;
  readonly hasRowid: boolean;
  /** A name by which the rowid can be asked for, or null where columns hide it. */
  readonly rowid: string | null;
}

/** Of an ordinary table. */
export function readTable(database: Database, schema: SchemaName, name: string): Table {
  const { hasRowid, isStrict } = natureOf(database, schema, name);
  const rows = database
    .prepare('SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid')
    .raw()
    .all(name, schema) as [string, string, number, string | null, number, number][];
  const columns = rows
    .filter(([, , , , , hidden]) => hidden !== 1)
    .map(([column, type, notnull, standard, key, hidden]) => ({
      name: column,
      // Outside of a strict table it means numbers first.
      type: isStrict && type.toUpperCase() === 'ANY' ? `${type} STRICT` : type,
      isRequired: notnull === 1,
      standard,
      key,
      isGenerated: hidden > 1,
    }));
  const taken = new Set(columns.map((column) => foldCase(column.name)));
  const rowid = hasRowid ? (['rowid', '_rowid_', 'oid'].find((alias) => !taken.has(alias)) ?? null) : null;
  const keyColumns = columns.filter((column) => column.key > 0).sort((a, b) => a.key - b.key);
  const key = keyColumns.map((column) => column.name);
  const index = keyIndex(database, schema, name);
  // `INTEGER PRIMARY KEY DESC` is none, for historical reasons; it has an index of its own.
  const isAlias =
    hasRowid && keyColumns.length === 1 && keyColumns[0]?.type.toUpperCase() === 'INTEGER' && index === null;
  const shape = keyColumns.map((column) => [foldCase(column.name), column.type.toUpperCase()]);
  return {
    columns,
    key,
    alias: isAlias ? (key[0] ?? null) : null,
    keyShape: JSON.stringify([shape, index === null ? [] : collationsOf(database, schema, index)]),
    hasRowid,
    rowid,
  };
}

function natureOf(
  database: Database,
  schema: SchemaName,
  name: string,
): { readonly hasRowid: boolean; readonly isStrict: boolean } {
  const found = database
    .prepare('SELECT wr, strict FROM pragma_table_list WHERE schema = ? AND name = ? COLLATE NOCASE')
    .get(schema, name) as { wr: number; strict: number } | undefined;
  return { hasRowid: found?.wr === 0, isStrict: found?.strict === 1 };
}

function keyIndex(database: Database, schema: SchemaName, name: string): string | null {
  const found = database
    .prepare(`SELECT name FROM pragma_index_list(?, ?) WHERE origin = 'pk'`)
    .pluck()
    .get(name, schema);
  return (found as string | undefined) ?? null;
}

function collationsOf(database: Database, schema: SchemaName, index: string): unknown[] {
  return database
    .prepare('SELECT coll FROM pragma_index_xinfo(?, ?) WHERE key = 1 ORDER BY seqno')
    .pluck()
    .all(index, schema);
}
