import { BackupError, systemCode } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { quote } from '../database/columns.js';
import type { TablePlan } from './plan-tables.js';

/**
 * Replaces the rows of the planned tables by those of the attached backup, within a transaction that is already open.
 * Triggers do not fire, indexes follow, and full-text indexes over these tables are built anew.
 * @throws BackupError `backup_incompatible` where a constraint of the live database does not allow it
 */
export function replaceRows(database: Database, plans: readonly TablePlan[]): void {
  const names = plans.map(({ name }) => name);
  const triggers = triggersOf(database, names);
  const before = violations(database, names);
  for (const { name } of triggers) database.exec(`DROP TRIGGER main.${quote(name)}`);
  // All go before any comes: a row may have moved from one of them to another.
  for (const { name } of plans) database.exec(`DELETE FROM main.${quote(name)}`);
  for (const plan of plans) {
    fill(database, plan);
    requireAll(database, plan);
  }
  keepSequences(database, names);
  for (const { sql } of triggers) database.exec(sql);
  for (const index of fullTextIndexes(database, names))
    database.exec(`INSERT INTO main.${quote(index)}(${quote(index)}) VALUES ('rebuild')`);
  requireNoNew(violations(database, names), before);
}

function fill(database: Database, { name, columns }: TablePlan): void {
  const [into, from] = [columns.map((column) => column.into), columns.map((column) => column.from)];
  try {
    database.exec(
      `INSERT INTO main.${quote(name)} (${into.join(', ')}) SELECT ${from.join(', ')} FROM other.${quote(name)}`,
    );
  } catch (error) {
    if (systemCode(error)?.startsWith('SQLITE_CONSTRAINT') !== true) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new BackupError('backup_incompatible', `Nothing was changed: rows of ${name} do not fit: ${why}.`, {
      facts: { problems: [`${name}: ${why}`] },
      cause: error,
    });
  }
}

/** A constraint may say that a row which does not fit is left out in silence, or takes the place of another. */
function requireAll(database: Database, { name }: TablePlan): void {
  const count = (schema: string): unknown =>
    database
      .prepare(`SELECT count(*) FROM ${schema}.${quote(name)}`)
      .pluck()
      .get();
  const [taken, stored] = [count('main'), count('other')];
  if (taken === stored) return;
  const problem = `a constraint of ${name} takes ${taken} of the ${stored} rows of the backup`;
  throw new BackupError('backup_incompatible', `Nothing was changed: ${problem}.`, { facts: { problems: [problem] } });
}

interface Trigger {
  readonly name: string;
  readonly sql: string;
}

function triggersOf(database: Database, names: readonly string[]): Trigger[] {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const all = database
    .prepare(`SELECT name, sql, tbl_name AS "table" FROM main.sqlite_schema WHERE type = 'trigger'`)
    .all() as (Trigger & { readonly table: string })[];
  return all.filter(({ table }) => wanted.has(table.toLowerCase()));
}

/** A number that was ever given is not given again, on whichever side it was. */
function keepSequences(database: Database, names: readonly string[]): void {
  const has = (schema: string): boolean =>
    database.prepare(`SELECT 1 FROM ${schema}.sqlite_schema WHERE name = 'sqlite_sequence'`).get() !== undefined;
  if (!has('main') || !has('other')) return;
  const raise = database.prepare(
    'UPDATE main.sqlite_sequence SET seq = max(seq, (SELECT max(seq) FROM other.sqlite_sequence WHERE name = @name)) ' +
      'WHERE name = @name AND EXISTS (SELECT 1 FROM other.sqlite_sequence WHERE name = @name)',
  );
  for (const name of names) raise.run({ name });
}

/** Those that keep no rows of their own, but look into one of these tables. */
function fullTextIndexes(database: Database, names: readonly string[]): string[] {
  const virtual = database
    .prepare(`SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%'`)
    .all() as Trigger[];
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return virtual.filter(({ sql }) => wanted.has(contentOf(sql)?.toLowerCase() ?? '')).map(({ name }) => name);
}

const contentPattern =
  /USING\s+fts[345]\s*\(.*[,(\s]content\s*=\s*(?:'([^']+)'|"([^"]+)"|\[([^\]]+)\]|`([^`]+)`|(\w+))/is;

function contentOf(sql: string): string | undefined {
  return contentPattern
    .exec(sql)
    ?.slice(1)
    .find((name) => name !== undefined);
}

/** By what a row that refers to a missing one can be told from another. */
type Violations = ReadonlyMap<string, string>;

/** In the tables themselves and in those that refer to them. */
function violations(database: Database, names: readonly string[]): Violations {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const all = database
    .prepare(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'`)
    .pluck()
    .all() as string[];
  const parents = database.prepare('SELECT "table" FROM pragma_foreign_key_list(?, \'main\')').pluck();
  const concerned = all.filter(
    (name) =>
      wanted.has(name.toLowerCase()) || parents.all(name).some((parent) => wanted.has(String(parent).toLowerCase())),
  );
  const found = new Map<string, string>();
  for (const name of concerned) {
    for (const { table, rowid, parent, fkid } of violationsOf(database, name)) {
      // A table without rowids does not say which row it was; there the number of them tells.
      const nth = rowid ?? `#${[...found.keys()].filter((key) => key.startsWith(`${table} ${fkid} #`)).length}`;
      found.set(`${table} ${fkid} ${nth}`, `rows of ${table} refer to rows of ${parent} that would be missing`);
    }
  }
  return found;
}

interface Violation {
  readonly table: string;
  readonly rowid: number | null;
  readonly parent: string;
  readonly fkid: number;
}

function violationsOf(database: Database, name: string): Violation[] {
  try {
    return database
      .prepare(`SELECT "table", rowid, parent, fkid FROM pragma_foreign_key_check(?, 'main')`)
      .all(name) as Violation[];
  } catch (error) {
    // A key that refers to nothing that could be a key binds nothing, before as after.
    if (systemCode(error) === 'SQLITE_ERROR') return [];
    throw error;
  }
}

/** What was broken before is not this restore's. */
function requireNoNew(after: Violations, before: Violations): void {
  const fresh = [...after].filter(([key]) => !before.has(key)).map(([, what]) => what);
  const problems = [...new Set(fresh)];
  if (problems.length > 0)
    throw new BackupError('backup_incompatible', `Nothing was changed: ${problems.join('; ')}.`, {
      facts: { problems },
    });
}
