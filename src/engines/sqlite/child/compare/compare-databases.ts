import { lstatSync } from 'node:fs';
import { BackupError, systemCode } from '../../../../errors.js';
import { type Database, loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { CompareInput, Comparison } from '../../../engine.js';
import { type SchemaName, text } from '../database/columns.js';
import { describeError, saysDamaged } from '../database/describe-error.js';
import { pinLive } from '../database/open-database.js';
import { tableNames } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import { compareSchemas } from './compare-schemas.js';
import { compareTable, type Sides } from './compare-table.js';

export interface CompareTask extends CompareInput {
  readonly live: string;
}

/**
 * Compares two databases within SQLite, one attached to the other: no row leaves it, so the memory is that of its page
 * caches, whatever the sizes. The live database is seen as it is at one moment.
 */
export async function compareDatabases(task: CompareTask, context: TaskContext): Promise<Comparison> {
  const { database, sides } = openBoth(task);
  try {
    const names = { from: tableNames(database, sides.from), to: tableNames(database, sides.to) };
    const all = [...new Set([...names.from, ...names.to])].sort();
    const tables = all.map((name, index) => {
      context.report({ phase: 'comparing', done: index, total: all.length, unit: 'tables' });
      return compareTable(database, name, sides, { from: names.from.includes(name), to: names.to.includes(name) });
    });
    return { schema: compareSchemas(database, sides), tables };
  } catch (error) {
    // With the live database among them nobody can tell whose page it was.
    throw task.from === null || task.to === null ? error : asBackups(error);
  } finally {
    database.close();
  }
}

/** A fault in the bytes of a backup is no fault of the live database. */
function asBackups(error: unknown): unknown {
  return saysDamaged(error) ? new BackupError('backup_damaged', describeError(error).detail, { cause: error }) : error;
}

/** The live one, where it is one of them, is opened first: only it may have a log that must be read. */
function openBoth({ live, from, to }: CompareTask): { database: Database; sides: Sides } {
  for (const file of [from, to]) if (file !== null) requireAlone(file);
  const [main, other]: [SchemaName, SchemaName] = ['main', 'other'];
  const attach = (file: string) => (database: Database) => {
    try {
      database.exec(`ATTACH ${text(file)} AS ${other}`);
      database.prepare(`SELECT count(*) FROM ${other}.sqlite_schema`).get();
    } catch (error) {
      throw asBackups(error);
    }
  };
  try {
    if (from === null && to !== null)
      return { database: pinLive(live, { prepare: attach(to) }), sides: { from: main, to: other } };
    if (to === null && from !== null)
      return { database: pinLive(live, { prepare: attach(from) }), sides: { from: other, to: main } };
    if (from === null || to === null) throw new Error('A database is not compared with itself.');
    return { database: openStored(from, attach(to)), sides: { from: main, to: other } };
  } catch (error) {
    // Of a file of another text encoding SQLite says only that it is an error.
    if (systemCode(error) !== 'SQLITE_ERROR') throw error;
    throw new BackupError('backup_incompatible', `They cannot be compared: ${describeError(error).detail}`, {
      cause: error,
    });
  }
}

/** No memory map: what it shows of the file would count as memory of this process. */
function openStored(file: string, prepare: (database: Database) => void): Database {
  const database = new (loadBetterSqlite3())(file, { readonly: true, fileMustExist: true });
  try {
    database.pragma('trusted_schema = OFF');
    prepare(database);
    return database;
  } catch (error) {
    database.close();
    throw asBackups(error);
  }
}

/** A log beside a backup would replace its content as soon as it is opened (design, fact 10). */
function requireAlone(file: string): void {
  const beside = ['-wal', '-shm', '-journal'].filter((ending) => lstatSync(file + ending, { throwIfNoEntry: false }));
  if (beside.length > 0)
    throw new BackupError('backup_damaged', `Files lie beside the backup that would change it: ${beside.join(', ')}.`);
}
