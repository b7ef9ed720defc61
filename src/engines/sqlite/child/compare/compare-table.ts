import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { TableChange } from '../../../engine.js';
import { quote, readTable, type SchemaName, type Table } from '../database/columns.js';

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
  const count = (schema: SchemaName): number =>
    Number(
      database
        .prepare(`SELECT count(*) FROM ${schema}.${quote(name)}`)
        .pluck()
        .get(),
    );
  const rowsFrom = isIn.from ? count(sides.from) : null;
  const rowsTo = isIn.to ? count(sides.to) : null;
  const nothingInCommon = { name, rowsFrom, rowsTo, added: rowsTo ?? 0, removed: rowsFrom ?? 0, changed: 0 };
  if (rowsFrom === null || rowsTo === null) return nothingInCommon;
  const [from, to] = [readTable(database, sides.from, name), readTable(database, sides.to, name)];
  const key = keyOf(from, to);
  if (key === null) return nothingInCommon;
  const { matched, changed } = database.prepare(joinSql(name, sides, key, commonColumns(from, to))).get() as {
    matched: number;
    changed: number | null;
  };
  return { name, rowsFrom, rowsTo, added: rowsTo - matched, removed: rowsFrom - matched, changed: changed ?? 0 };
}

/** By what a row of one side is found on the other; null where nothing tells. */
function keyOf(from: Table, to: Table): readonly (readonly [string, string])[] | null {
  const isSame = from.key.length === to.key.length && from.key.every((name, index) => name === to.key[index]);
  if (isSame && from.key.length > 0) return from.key.map((name) => [quote(name), quote(name)]);
  return from.rowid === null || to.rowid === null ? null : [[from.rowid, to.rowid]];
}

function commonColumns(from: Table, to: Table): string[] {
  const names = new Set(to.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name));
  return from.columns.filter(({ name, isGenerated }) => !isGenerated && names.has(name)).map(({ name }) => quote(name));
}

/** One pass over the one side, with a look by its key into the other for each row. Bytes are compared, not what a collation takes for equal. */
function joinSql(
  name: string,
  sides: Sides,
  key: readonly (readonly [string, string])[],
  columns: readonly string[],
): string {
  const matches = key.map(([from, to]) => `a.${from} = b.${to}`).join(' AND ');
  const differs = columns.map((column) => `a.${column} IS NOT b.${column} COLLATE BINARY`).join(' OR ') || '0';
  return `SELECT count(*) AS matched, sum(${differs}) AS changed
    FROM ${sides.from}.${quote(name)} a JOIN ${sides.to}.${quote(name)} b ON ${matches}`;
}
