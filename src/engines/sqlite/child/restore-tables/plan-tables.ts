import { BackupError } from '../../../../errors.js';
import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { type Column, quote, readTable, type SchemaName, type Table } from '../database/columns.js';
import { countTable } from '../database/read-facts.js';

/** A live column and what fills it, both as SQL. */
interface Filled {
  readonly into: string;
  readonly from: string;
}

/** How the rows of one table come from the backup into the live database. */
export interface TablePlan {
  readonly name: string;
  /** Live columns that are filled, and what of the backup fills them, as SQL. */
  readonly columns: readonly Filled[];
  /** Live columns of another type or constraint than in the backup, which may turn a value into another one. */
  readonly converted: readonly string[];
  /** SQL by which a live row `l` is that of the backup `s`, or null where nothing tells. */
  readonly match: string | null;
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
  const plans = liveNames(database, names).flatMap((name) => {
    const problem = refusal(database, name);
    if (problem !== null) problems.push(problem);
    return problem === null ? [planTable(database, name, problems)] : [];
  });
  if (problems.length > 0)
    throw new BackupError('backup_incompatible', `Nothing was changed: ${problems.join(' ')}`, { facts: { problems } });
  return plans;
}

/** As the live database spells them, and each once. */
function liveNames(database: Database, names: readonly string[]): string[] {
  const find = database
    .prepare(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE`)
    .pluck();
  return [...new Set(names.map((name) => (find.get(name) as string | undefined) ?? name))];
}

/** Why rows of it cannot be taken over at all, or null. */
function refusal(database: Database, name: string): string | null {
  const [live, stored] = [kindOf(database, 'main', name), kindOf(database, 'other', name)];
  if (foldCase(name).startsWith('sqlite_')) return `${name} is SQLite's own.`;
  if (live === null) return `The live database has no table ${name}.`;
  if (stored === null) return `The backup has no table ${name}.`;
  const odd = [live, stored].find((kind) => kind !== 'table');
  if (odd === 'virtual' || odd === 'shadow')
    return `${name} is ${odd === 'virtual' ? 'a virtual table' : 'a part of a virtual table'}, whose rows only its module can write; restore the whole backup.`;
  return odd === undefined ? null : `${name} is a view.`;
}

function kindOf(database: Database, schema: SchemaName, name: string): Kind | null {
  const kind = database
    .prepare('SELECT type FROM pragma_table_list WHERE schema = ? AND name = ? COLLATE NOCASE')
    .pluck()
    .get(schema, name);
  return (kind as Kind | undefined) ?? null;
}

function planTable(database: Database, name: string, problems: string[]): TablePlan {
  const [live, stored] = [readTable(database, 'main', name), readTable(database, 'other', name)];
  const inBackup = new Map(stored.columns.map((column) => [lower(column), column]));
  const written = live.columns.filter(({ isGenerated }) => !isGenerated);
  const common = written.flatMap((column) => {
    const from = inBackup.get(lower(column));
    return from === undefined ? [] : [{ column, from }];
  });
  if (common.length === 0) problems.push(`${name} has no column in common with the backup.`);
  const rowid = rowidOf(live, stored);
  const alone = written.filter((column) => !inBackup.has(lower(column)) && rowid?.into !== quote(column.name));
  const isEmpty = countTable(database, name, 'other') === 0;
  for (const column of isEmpty ? [] : alone.filter((one) => mustHaveValue(one, live)))
    problems.push(`${name}.${column.name} must have a value, and the backup has none for it.`);
  const isWritten = new Set(written.map(lower));
  const lost = stored.columns.filter((column) => !column.isGenerated && !isWritten.has(lower(column)));
  return {
    name,
    columns: [
      ...(rowid === null ? [] : [rowid]),
      ...common.map(({ column, from }) => ({ into: quote(column.name), from: quote(from.name) })),
    ],
    converted: common.filter(({ column, from }) => !isAlike(column, from)).map(({ column }) => column.name),
    match: matchOf(live, stored, rowid),
    warnings: [
      ...alone.map(
        ({ name: column, standard }) =>
          `${name}.${column} is not in the backup: its rows have ${column === live.alias ? 'new numbers' : (standard ?? 'NULL')} there.`,
      ),
      ...lost.map(
        (column) => `${name}.${column.name} of the backup has no place in the live database: it was left out.`,
      ),
    ],
  };
}

const lower = ({ name }: Column): string => foldCase(name);

/** Whether every value of the one column is the same in the other. */
const isAlike = (one: Column, other: Column): boolean =>
  one.type.toUpperCase() === other.type.toUpperCase() && one.isRequired === other.isRequired && one.key === other.key;

/** By what a row that was taken over is found again. */
function matchOf(live: Table, stored: Table, rowid: Filled | null): string | null {
  if (rowid !== null) return `l.${rowid.into} = s.${rowid.from}`;
  if (live.alias !== null && stored.alias !== null) return `l.${quote(live.alias)} = s.${quote(stored.alias)}`;
  if (live.keyShape !== stored.keyShape || live.key.length === 0) return null;
  return live.key.map((column) => `l.${quote(column)} = s.${quote(column)}`).join(' AND ');
}

function mustHaveValue({ name, isRequired, standard, key }: Column, { hasRowid, alias }: Table): boolean {
  if (standard !== null || name === alias) return false;
  return isRequired || (key > 0 && !hasRowid);
}

/**
 * Rows keep their rowid, by which other tables, such as a full-text index, may know them: where it has no name of its own on
 * either side, or one that the other side does not have.
 */
function rowidOf(live: Table, stored: Table): Filled | null {
  const hasAlias = live.alias !== null && stored.columns.some((column) => lower(column) === foldCase(live.alias ?? ''));
  if (hasAlias || stored.rowid === null) return null;
  const into = live.alias === null ? live.rowid : quote(live.alias);
  return into === null ? null : { into, from: stored.rowid };
}
