import { createHash } from 'node:crypto';
import { systemCode } from '../../../../errors.js';
import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { DatabaseFacts, TableRows } from '../../../database-content.js';
import { quote } from './columns.js';
import { saysDamaged } from './describe-error.js';

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
const number = (database: Database, pragma: string): number => Number(database.pragma(pragma, { simple: true }));

export function readFacts(database: Database): DatabaseFacts {
  const pageSize = number(database, 'page_size');
  const pageCount = number(database, 'page_count');
  const version = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
  return {
    size: pageSize * pageCount,
    pageSize,
    pageCount,
    userVersion: number(database, 'user_version'),
    applicationId: number(database, 'application_id'),
    schemaSha256: schemaDigest(database),
    engineVersion: version.version,
  };
}

/** Objects that SQLite makes for itself (statistics, automatic indexes) come and go and are left out. */
const ownObjects = String.raw`name NOT LIKE 'sqlite\_%' ESCAPE '\'`;

/** SHA-256 (hex) over every object's type, name, table and SQL, in a fixed order. */
export function schemaDigest(database: Database): string {
  return sha256(
    database
      .prepare(`SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE ${ownObjects} ORDER BY type, name, tbl_name`)
      .raw()
      .all(),
  );
}

/** What SQLite goes by is the SQL of an object; the column `type` beside it says whatever its writer wanted. */
const plainStatement = /^CREATE\s+(?:TABLE|VIRTUAL\s+TABLE|INDEX|UNIQUE\s+INDEX)\s/i;

/** Whatever is not plainly a table or an index, as triggers and views, can run SQL of whoever wrote it. */
export function readObjects(database: Database): Record<string, string> {
  const rows = database
    .prepare('SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema WHERE sql IS NOT NULL')
    .all() as { type: unknown; name: unknown; table: unknown; sql: unknown }[];
  const running = rows.filter(({ sql }) => !plainStatement.test(String(sql)));
  return Object.fromEntries(running.map(({ type, name, table, sql }) => [`${type} ${name}`, sha256([table, sql])]));
}

/** Raised by one by the commit of a restore, and otherwise only when the application changes the schema. */
export function readSchemaCookie(database: Database): number {
  return number(database, 'schema_version');
}

/** A connection that is open takes over every change of the schema but that of the text encoding. */
export function readTextEncoding(database: Database): string {
  return String(database.pragma('encoding', { simple: true }));
}

/** The ordinary tables: those whose rows can be read and written without a module. */
export function tableNames(database: Database, schema = 'main'): string[] {
  return namesOf(database, 'table', schema);
}

/** Tables of modules, such as full-text indexes, but not the shadows that these keep their content in. */
export function virtualNames(database: Database): string[] {
  return namesOf(database, 'virtual', 'main');
}

/** What the application takes for its tables: ordinary and virtual ones, also of a module that is not there. */
export function everyTable(database: Database): string[] {
  return [...tableNames(database), ...virtualNames(database)].sort();
}

function namesOf(database: Database, type: 'table' | 'virtual', schema: string): string[] {
  return database
    .prepare(`SELECT name FROM pragma_table_list WHERE schema = ? AND type = ? AND ${ownObjects} ORDER BY name`)
    .pluck()
    .all(schema, type) as string[];
}

export interface CountOptions {
  /** Ordinary tables; all of them unless told otherwise. A virtual one may show rows of any, so those are always counted. */
  readonly of?: readonly string[];
  /** Hears of one that is too damaged to be counted, which is then left out. */
  readonly onDamaged?: (name: string) => void;
}

/** Rows of each table, ordinary or virtual, but of those whose module cannot tell them. */
export function countRows(database: Database, { of, onDamaged }: CountOptions = {}): TableRows {
  const virtual = new Set(virtualNames(database));
  const names = [...(of ?? tableNames(database)), ...virtual].sort();
  const count = (name: string): number | null => countAny(virtual.has(name), () => countTable(database, name));
  return countEach(names, count, onDamaged);
}

/** A module that is not there, or that looks into what is not there, counts nothing; that is no damage. */
function countAny(isVirtual: boolean, count: () => number): number | null {
  try {
    return count();
  } catch (error) {
    if (isVirtual && systemCode(error) === 'SQLITE_ERROR') return null;
    throw error;
  }
}

/** Rows of tables that must have so many, counted up to that number: the first pages tell. */
export function countMinimums(
  database: Database,
  minimumRows: Readonly<Record<string, number>>,
  onDamaged: (name: string) => void,
): TableRows {
  const names = new Map(everyTable(database).map((name) => [foldCase(name), name]));
  const virtual = new Set(virtualNames(database));
  const nameOf = (wanted: string): string => names.get(foldCase(wanted)) ?? wanted;
  const count = (wanted: string): number | null => {
    const first = `SELECT 1 FROM main.${quote(nameOf(wanted))} NOT INDEXED LIMIT ?`;
    return countAny(virtual.has(nameOf(wanted)), () =>
      Number(database.prepare(`SELECT count(*) FROM (${first})`).pluck().get(minimumRows[wanted])),
    );
  };
  const present = Object.keys(minimumRows).filter((wanted) => names.has(foldCase(wanted)));
  return countEach(present, count, (wanted) => onDamaged(nameOf(wanted)));
}

function countEach(
  names: readonly string[],
  count: (name: string) => number | null,
  onDamaged?: (name: string) => void,
): TableRows {
  const rows = names.flatMap((name): [string, number][] => {
    try {
      const found = count(name);
      return found === null ? [] : [[name, found]];
    } catch (error) {
      if (onDamaged === undefined || !saysDamaged(error)) throw error;
      onDamaged(name);
      return [];
    }
  });
  // fromEntries defines own properties: a table named __proto__ stays data.
  return Object.fromEntries(rows);
}

export function countTable(database: Database, name: string, schema = 'main'): number {
  const table = `${schema}.${quote(name)}`;
  const count = (how: string): number => Number(database.prepare(`SELECT count(*) FROM ${table} ${how}`).pluck().get());
  try {
    return count('');
  } catch (error) {
    // The smallest index is counted, also one in an order that only the application knows.
    if (systemCode(error) !== 'SQLITE_ERROR') throw error;
    return count('NOT INDEXED');
  }
}
