import { BackupError, systemCode } from '../../../../errors.js';
import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { differs } from '../compare/compare-table.js';
import { quote } from '../database/columns.js';
import { countTable } from '../database/read-facts.js';
import { watchForeignKeys } from './foreign-keys.js';
import type { TablePlan } from './plan-tables.js';
import { renewVirtualTables, type Trigger } from './virtual-tables.js';

export interface ReplacedRows {
  readonly warnings: readonly string[];
  /** Whether references lead nowhere that did before as well, or to what SQLite cannot check. */
  readonly hasOldOrphans: boolean;
}

/**
 * Replaces the rows of the planned tables by those of the attached backup, within a transaction that is already open.
 * Triggers do not fire, indexes follow, and full-text indexes over these tables are built anew.
 * @throws BackupError `backup_incompatible` where the live database does not allow it, with `problems`
 */
export function replaceRows(database: Database, plans: readonly TablePlan[]): ReplacedRows {
  const names = plans.map(({ name }) => name);
  const triggers = triggersOf(database, names);
  const lookAtKeys = ofTable(names.join(', '), () => watchForeignKeys(database, names));
  for (const { name } of triggers) database.exec(`DROP TRIGGER main.${quote(name)}`);
  // All go before any comes: a row may have moved from one of them to another.
  for (const { name } of plans) ofTable(name, () => database.exec(`DELETE FROM main.${quote(name)}`));
  for (const plan of plans) ofTable(plan.name, () => fill(database, plan));
  keepSequences(database, names);
  const stale = ofTable(names.join(', '), () => renewVirtualTables(database, names, triggers));
  const { fresh, old, unchecked } = ofTable(names.join(', '), lookAtKeys);
  if (fresh.length > 0) refuse([...new Set(fresh)]);
  for (const { name, sql } of triggers) ofTable(`the trigger ${name}`, () => database.exec(sql));
  const altered = plans.flatMap((plan) => alteredValues(database, plan));
  const doubts = [...new Set([...old, ...unchecked])];
  return { warnings: [...altered, ...stale, ...doubts], hasOldOrphans: doubts.length > 0 };
}

function fill(database: Database, { name, columns }: TablePlan): void {
  const [into, from] = [columns.map((column) => column.into), columns.map((column) => column.from)];
  database.exec(
    `INSERT INTO main.${quote(name)} (${into.join(', ')}) SELECT ${from.join(', ')} FROM other.${quote(name)}`,
  );
  // A constraint may say that a row which does not fit is left out in silence, or takes the place of another.
  const [taken, stored] = [countTable(database, name), countTable(database, name, 'other')];
  if (taken !== stored) refuse([`a constraint of ${name} takes ${taken} of the ${stored} rows of the backup`]);
}

/** What a constraint forbids, and what only the application knows, such as a function or a collation of its own, is no fault of this package. */
function ofTable<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!/^SQLITE_(CONSTRAINT|ERROR|MISMATCH)/.test(systemCode(error) ?? '')) throw error;
    return refuse([`${name}: ${error instanceof Error ? error.message : String(error)}`], error);
  }
}

function refuse(problems: readonly string[], cause?: unknown): never {
  throw new BackupError('backup_incompatible', `Nothing was changed: ${problems.join('; ')}.`, {
    facts: { problems },
    cause,
  });
}

function triggersOf(database: Database, names: readonly string[]): Trigger[] {
  const wanted = new Set(names.map(foldCase));
  const all = database
    .prepare(`SELECT name, sql, tbl_name AS "table" FROM main.sqlite_schema WHERE type = 'trigger'`)
    .all() as (Trigger & { readonly table: string })[];
  return all.filter(({ table }) => wanted.has(foldCase(table)));
}

/** Beyond it nobody has counted; a number that was put there to use up all of them does no harm. */
const mostSequence = 2n ** 62n;

/** A number that was ever given is not given again, on whichever side it was. */
function keepSequences(database: Database, names: readonly string[]): void {
  const has = (schema: string): boolean =>
    database.prepare(`SELECT 1 FROM ${schema}.sqlite_schema WHERE name = 'sqlite_sequence'`).get() !== undefined;
  if (!has('main') || !has('other')) return;
  const stored = `SELECT max(seq) FROM other.sqlite_sequence WHERE name = @name COLLATE NOCASE AND typeof(seq) = 'integer' AND seq < @most`;
  const raise = database.prepare(
    `UPDATE main.sqlite_sequence SET seq = max(seq, ifnull((${stored}), seq)) WHERE name = @name COLLATE NOCASE`,
  );
  for (const name of names) raise.run({ name, most: mostSequence });
}

/** A column of another type turns what it is given into what it takes; that is told. */
function alteredValues(database: Database, { name, converted, match }: TablePlan): string[] {
  const why = 'as its type or constraint is another';
  if (match === null)
    return converted.map((column) => `${name}.${column}: its values may be other ones than in the backup, ${why}.`);
  return converted.flatMap((column) => {
    const differing = `SELECT count(*) FROM other.${quote(name)} s JOIN main.${quote(name)} l ON ${match} WHERE ${differs('s', 'l', [quote(column)])}`;
    const count = Number(database.prepare(differing).pluck().get());
    return count === 0 ? [] : [`${name}.${column}: ${count} values are other ones than in the backup, ${why}.`];
  });
}
