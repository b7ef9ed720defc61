import { BackupError, systemCode } from '../../../../errors.js';
import { foldCase } from '../../../../system/fold-case.js';
import { type Database, loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { CompareInput, Comparison } from '../../../comparison.js';
import type { StoredFile } from '../../../database-content.js';
import { type SchemaName, text } from '../database/columns.js';
import { describeError, saysDamaged } from '../database/describe-error.js';
import { pinLive } from '../database/open-database.js';
import { tableNames } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import { verifyFile } from '../verify/verify-file.js';
import { compareSchemas } from './compare-schemas.js';
import { compareTable, type Sides } from './compare-table.js';

export interface CompareTask extends CompareInput {
  readonly live: string;
}

/**
 * Compares two databases within SQLite, one attached to the other: no row leaves it, so the memory is that of its page
 * caches, whatever the sizes. The live database is seen as it is at one moment.
 */
export async function compareDatabases({ live, from, to }: CompareTask, context: TaskContext): Promise<Comparison> {
  for (const side of [from, to]) if (side !== null) await requirePublished(side, context);
  const { database, sides } = openBoth({ live, from: from?.file ?? null, to: to?.file ?? null });
  try {
    const names = { from: tableNames(database, sides.from), to: tableNames(database, sides.to) };
    const isIn = (side: keyof typeof names, table: string): boolean =>
      names[side].some((name) => foldCase(name) === foldCase(table));
    const all = [...names.from, ...names.to.filter((name) => !isIn('from', name))].sort();
    const tables = all.map((name, index) => {
      context.report({ phase: 'comparing', done: index, total: all.length, unit: 'tables' });
      return compareTable(database, name, sides, { from: isIn('from', name), to: isIn('to', name) });
    });
    const schema = compareSchemas(database, sides, (table) => isIn('from', table) && isIn('to', table));
    return { schema, tables };
  } catch (error) {
    // With the live database among them nobody can tell whose page it was.
    throw asIncompatible(from === null || to === null ? error : asBackups(error));
  } finally {
    database.close();
  }
}

/** Bytes first: SQLite is asked only about a file that is the one that was published. */
async function requirePublished({ file, expected }: StoredFile, context: TaskContext): Promise<void> {
  const { ok, problems } = await verifyFile({ file, level: 'quick', expected }, context);
  if (!ok) throw new BackupError('backup_damaged', problems.join(' '), { facts: { problems } });
}

/** Of another text encoding, or a collation that only the application knows, SQLite says no more than that. */
function asIncompatible(error: unknown): unknown {
  if (systemCode(error) !== 'SQLITE_ERROR') return error;
  const detail = `They cannot be compared: ${error instanceof Error ? error.message : String(error)}.`;
  return new BackupError('backup_incompatible', detail, { cause: error });
}

/** A fault in the bytes of a backup is no fault of the live database. */
function asBackups(error: unknown): unknown {
  return saysDamaged(error) ? new BackupError('backup_damaged', describeError(error).detail, { cause: error }) : error;
}

interface Files {
  readonly live: string;
  /** Null for the live one. */
  readonly from: string | null;
  readonly to: string | null;
}

/** The live one, where it is one of them, is opened first: only it may have a log that must be read. */
function openBoth({ live, from, to }: Files): { database: Database; sides: Sides } {
  const [main, other]: [SchemaName, SchemaName] = ['main', 'other'];
  const attach = (file: string) => (database: Database) => {
    // By itself: what is wrong with this one is not told of the other.
    database.prepare(`SELECT count(*) FROM ${main}.sqlite_schema`).get();
    try {
      database.exec(`ATTACH ${text(file)} AS ${other}`);
      database.prepare(`SELECT count(*) FROM ${other}.sqlite_schema`).get();
    } catch (error) {
      throw asIncompatible(asBackups(error));
    }
  };
  if (from === null && to !== null)
    return { database: pinLive(live, { prepare: attach(to) }), sides: { from: main, to: other } };
  if (to === null && from !== null)
    return { database: pinLive(live, { prepare: attach(from) }), sides: { from: other, to: main } };
  if (from === null || to === null) throw new Error('A database is not compared with itself.');
  return { database: openStored(from, attach(to)), sides: { from: main, to: other } };
}

/** No memory map: what it shows of the file would count as memory of this process. */
function openStored(file: string, prepare: (database: Database) => void): Database {
  const database = new (loadBetterSqlite3())(file, { readonly: true, fileMustExist: true });
  try {
    database.pragma('trusted_schema = OFF');
    database.pragma('cell_size_check = ON');
    prepare(database);
    return database;
  } catch (error) {
    database.close();
    throw asBackups(error);
  }
}
