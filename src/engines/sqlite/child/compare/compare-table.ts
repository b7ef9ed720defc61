import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { TableChange } from '../../../comparison.js';
import { quote, readTable, type SchemaName, type Table } from '../database/columns.js';
import { countTable } from '../database/read-facts.js';

/** Which database of the connection is which. */
export interface Sides {
  readonly from: SchemaName;
  readonly to: SchemaName;
}

/** Rows of one table by primary key, or by rowid where there is none; of columns, those that both sides have. */
export function compareTable(
  database: Database,
  name: string,
  sides: Sides,
  isIn: { readonly from: boolean; readonly to: boolean },
): TableChange {
  const rowsFrom = isIn.from ? countTable(database, name, sides.from) : null;
  const rowsTo = isIn.to ? countTable(database, name, sides.to) : null;
  const nothingInCommon = { name, rowsFrom, rowsTo, added: rowsTo ?? 0, removed: rowsFrom ?? 0, changed: 0 };
  if (rowsFrom === null || rowsTo === null) return nothingInCommon;
  const [from, to] = [readTable(database, sides.from, name), readTable(database, sides.to, name)];
  const key = keyOf(database, name, sides, from, to);
  if (key === null) return nothingInCommon;
  const { matched, changed } = database.prepare(joinSql(name, sides, key, commonColumns(from, to))).get() as {
    matched: number;
    changed: number | null;
  };
  return { name, rowsFrom, rowsTo, added: rowsTo - matched, removed: rowsFrom - matched, changed: changed ?? 0 };
}

/** By what a row of one side is found on the other; null where nothing tells. Keys of other types find other rows. */
function keyOf(
  database: Database,
  name: string,
  sides: Sides,
  from: Table,
  to: Table,
): readonly (readonly [string, string])[] | null {
  if (from.keyShape === to.keyShape && from.key.length > 0 && !hasNull(database, name, sides, from))
    return from.key.map((column) => [quote(column), quote(column)]);
  return from.rowid === null || to.rowid === null ? null : [[from.rowid, to.rowid]];
}

/** A row whose key is null is found by no key; a table with rowids may have some. */
function hasNull(database: Database, name: string, sides: Sides, { key, hasRowid, alias }: Table): boolean {
  if (!hasRowid || alias !== null) return false;
  const isNull = key.map((column) => `${quote(column)} IS NULL`).join(' OR ');
  return [sides.from, sides.to].some(
    (schema) => database.prepare(`SELECT 1 FROM ${schema}.${quote(name)} WHERE ${isNull} LIMIT 1`).get() !== undefined,
  );
}

/** One that is generated on both sides follows from the others. */
function commonColumns(from: Table, to: Table): string[] {
  const others = new Map(to.columns.map((column) => [foldCase(column.name), column]));
  return from.columns.flatMap((column) => {
    const other = others.get(foldCase(column.name));
    return other === undefined || (column.isGenerated && other.isGenerated) ? [] : [quote(column.name)];
  });
}

/** Deeper expressions are refused by SQLite. */
const mostInRow = 50;

/** One pass over the one side, with a look by its key into the other for each row. Bytes are compared, not what a collation takes for equal. */
function joinSql(
  name: string,
  sides: Sides,
  key: readonly (readonly [string, string])[],
  columns: readonly string[],
): string {
  const matches = key.map(([from, to]) => `a.${from} = b.${to}`).join(' AND ');
  // The limit keeps the two levels apart: an aggregate may not name as many columns as a table may have.
  return `SELECT count(*) AS matched, sum(differs) AS changed FROM (
    SELECT (${differs('a', 'b', columns)}) AS differs
    FROM ${sides.from}.${quote(name)} a JOIN ${sides.to}.${quote(name)} b ON ${matches} LIMIT -1)`;
}

/** SQL that is 1 where rows of two tables differ in a column, by type or by bytes. The columns are quoted. */
export function differs(one: string, other: string, columns: readonly string[]): string {
  const each = columns.map(
    (column) =>
      `typeof(${one}.${column}) IS NOT typeof(${other}.${column}) OR +${one}.${column} IS NOT +${other}.${column} COLLATE BINARY`,
  );
  const groups: string[] = [];
  for (let start = 0; start < each.length; start += mostInRow)
    groups.push(`(${each.slice(start, start + mostInRow).join(' OR ')})`);
  return groups.join(' OR ') || '0';
}
