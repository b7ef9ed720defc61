import { BackupError } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { type Column, quote, readTable, type SchemaName, type Table } from '../database/columns.js';

/** How the rows of one table come from the backup into the live database. */
export interface TablePlan {
  readonly name: string;
  /** Live columns that are filled, and what of the backup fills them, as SQL. */
  readonly columns: readonly { readonly into: string; readonly from: string }[];
  /** What an operator must know of columns that only one side has. */
  readonly warnings: readonly string[];
}

type Kind = 'table' | 'virtual' | 'shadow' | 'view';

/**
 * Finds out, before anything is changed, how the rows of the chosen tables can be taken over.
 * @throws BackupError `backup_incompatible`, with `problems`: every table that cannot be, by name and reason
 */
export function planTables(database: Database, names: readonly string[]): TablePlan[] {
  const problems: string[] = [];
  const plans = names.flatMap((name) => {
    const problem = refusal(database, name);
    if (problem !== null) problems.push(problem);
    return problem === null ? [planTable(database, name, problems)] : [];
  });
  if (problems.length > 0)
    throw new BackupError('backup_incompatible', `Nothing was changed: ${problems.join(' ')}`, { facts: { problems } });
  return plans;
}

/** Why rows of it cannot be taken over at all, or null. */
function refusal(database: Database, name: string): string | null {
  const [live, stored] = [kindOf(database, 'main', name), kindOf(database, 'other', name)];
  if (name.toLowerCase().startsWith('sqlite_')) return `${name} is SQLite's own.`;
  if (live === null) return `The live database has no table ${name}.`;
  if (stored === null) return `The backup has no table ${name}.`;
  const odd = [live, stored].find((kind) => kind !== 'table');
  if (odd === 'virtual' || odd === 'shadow')
    return `${name} is ${odd === 'virtual' ? 'a virtual table' : 'a part of a virtual table'}, whose rows only its module can write; restore the whole backup.`;
  return odd === undefined ? null : `${name} is a view.`;
}

function kindOf(database: Database, schema: SchemaName, name: string): Kind | null {
  const kind = database
    .prepare('SELECT type FROM pragma_table_list WHERE schema = ? AND name = ?')
    .pluck()
    .get(schema, name);
  return (kind as Kind | undefined) ?? null;
}

function planTable(database: Database, name: string, problems: string[]): TablePlan {
  const [live, stored] = [readTable(database, 'main', name), readTable(database, 'other', name)];
  const inBackup = new Set(stored.columns.map((column) => column.name));
  const written = live.columns.filter(({ isGenerated }) => !isGenerated);
  const common = written.filter((column) => inBackup.has(column.name));
  const alone = written.filter((column) => !inBackup.has(column.name));
  if (common.length === 0) problems.push(`${name} has no column in common with the backup.`);
  const isEmpty =
    database
      .prepare(`SELECT count(*) FROM other.${quote(name)}`)
      .pluck()
      .get() === 0;
  const wanting = isEmpty ? [] : alone.filter((column) => mustHaveValue(column, live));
  for (const column of wanting)
    problems.push(`${name}.${column.name} must have a value, and the backup has none for it.`);
  const inLive = new Set(live.columns.map((column) => column.name));
  const lost = stored.columns.filter((column) => !column.isGenerated && !inLive.has(column.name));
  return {
    name,
    columns: [
      ...rowidOf(live, stored),
      ...common.map((column) => ({ into: quote(column.name), from: quote(column.name) })),
    ],
    warnings: [
      ...alone.map(
        (column) => `${name}.${column.name} is not in the backup: its rows have ${column.standard ?? 'NULL'} there.`,
      ),
      ...lost.map((column) => `${name}.${column.name} of the backup is not in the live database: it was left out.`),
    ],
  };
}

/** A key of whole numbers is given by SQLite itself. */
function mustHaveValue({ name, isRequired, standard, key, type }: Column, table: Table): boolean {
  if (key > 0 && !table.hasRowid) return standard === null;
  const isAlias = table.key.length === 1 && table.key[0] === name && type.toUpperCase() === 'INTEGER';
  return isRequired && standard === null && !isAlias;
}

/** Rows without a key of their own keep their rowid, by which other tables, such as a full-text index, may know them. */
function rowidOf(live: Table, stored: Table): TablePlan['columns'] {
  if (live.rowid === null || stored.rowid === null) return [];
  const hasAlias = live.columns.some(
    ({ key, type }) => key > 0 && live.key.length === 1 && type.toUpperCase() === 'INTEGER',
  );
  return hasAlias ? [] : [{ into: live.rowid, from: stored.rowid }];
}
