import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { SchemaChange } from '../../../comparison.js';
import { type Column, readTable, type SchemaName } from '../database/columns.js';
import type { Sides } from './compare-table.js';

interface SchemaObject {
  readonly type: 'table' | 'index' | 'trigger' | 'view';
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/** Tables, columns, indexes, triggers and views that one side has and the other has not, or has otherwise. */
export function compareSchemas(
  database: Database,
  sides: Sides,
  isOrdinary: (table: string) => boolean,
): SchemaChange[] {
  const [from, to] = [objectsOf(database, sides.from), objectsOf(database, sides.to)];
  const keys = [...new Set([...from.keys(), ...to.keys()])].sort();
  return keys.flatMap((key): SchemaChange[] => {
    const [before, after] = [from.get(key), to.get(key)];
    const { type, name, table } = (before ?? after) as SchemaObject;
    if (before?.sql === after?.sql) return [];
    const change = changeOf(before?.sql ?? null, after?.sql ?? null, { type, name, table });
    return type === 'table' && before !== undefined && after !== undefined && isOrdinary(name)
      ? [change, ...compareColumns(database, sides, name)]
      : [change];
  });
}

function changeOf(
  from: string | null,
  to: string | null,
  object: Pick<SchemaChange, 'type' | 'name' | 'table'>,
): SchemaChange {
  const change = from === null ? 'added' : to === null ? 'removed' : 'changed';
  return { ...object, change, from, to };
}

function objectsOf(database: Database, schema: SchemaName): Map<string, SchemaObject> {
  const rows = database
    .prepare(`SELECT type, name, tbl_name AS "table", sql FROM ${schema}.sqlite_schema WHERE sql IS NOT NULL`)
    .all() as SchemaObject[];
  return new Map(rows.map((row) => [`${row.type} ${row.name}`, row]));
}

function compareColumns(database: Database, sides: Sides, table: string): SchemaChange[] {
  const columnsOf = (schema: SchemaName): Map<string, string> =>
    new Map(readTable(database, schema, table).columns.map((column) => [column.name, spell(column)]));
  const [from, to] = [columnsOf(sides.from), columnsOf(sides.to)];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((name) => {
    const [before, after] = [from.get(name) ?? null, to.get(name) ?? null];
    return before === after ? [] : [changeOf(before, after, { type: 'column', name, table })];
  });
}

function spell({ type, isRequired, standard, key, isGenerated }: Column): string {
  const parts = [type, key > 0 && 'PRIMARY KEY', isRequired && 'NOT NULL', standard !== null && `DEFAULT ${standard}`];
  return [...parts, isGenerated && 'GENERATED'].filter(Boolean).join(' ');
}
