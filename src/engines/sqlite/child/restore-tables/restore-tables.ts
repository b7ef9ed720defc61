import { statSync } from 'node:fs';
import { BackupError } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { Snapshot, TableRows } from '../../../database-content.js';
import type { RestoreReport, RestoreTablesInput, SafetyPublication } from '../../../restore-report.js';
import { text } from '../database/columns.js';
import { saysBusy } from '../database/describe-error.js';
import { openLive } from '../database/open-database.js';
import { countRows, readFacts, readSchemaCookie } from '../database/read-facts.js';
import { makeDurable } from '../restore/make-durable.js';
import { requireRoom } from '../restore/require-room.js';
import { loadPublication } from '../restore/restore-live.js';
import { SafetySnapshot } from '../snapshot/take-safety-snapshot.js';
import type { TaskContext } from '../task.js';
import { planTables, type TablePlan } from './plan-tables.js';
import { type ReplacedRows, replaceRows } from './replace-rows.js';

export interface RestoreTablesTask extends RestoreTablesInput {
  readonly live: string;
  readonly publication: SafetyPublication;
}

/**
 * Replaces the rows of chosen tables of the live database, in one transaction.
 *
 * 1. Finds out whether they can be taken over; a table that cannot be refuses all of it.
 * 2. Wins the live write lock, and under it copies what is there for the safety backup.
 * 3. Replaces the rows, and checks that none refers to one that is missing.
 * 4. Publishes the safety backup, then commits: all of it, or nothing. The schema cookie rises, by which an interrupted restore is told.
 */
export async function restoreTables(task: RestoreTablesTask, context: TaskContext): Promise<RestoreReport> {
  const publish = await loadPublication(task.publication);
  const replaced = await replace(task, publish, context);
  const checkpointPending = makeDurable(task.live);
  return { ...replaced, problems: [], checkpointPending };
}

/** When it settles no connection to the live database is left. */
async function replace(
  task: RestoreTablesTask,
  publish: (snapshot: Snapshot) => Promise<unknown>,
  context: TaskContext,
): Promise<Omit<RestoreReport, 'problems' | 'checkpointPending'>> {
  const database = openForRestore(task);
  const safety = new SafetySnapshot(task, context);
  try {
    planTables(database, task.tables);
    // Rows that go leave free pages behind, which those that come may need before the log is emptied.
    requireRoom(task.live, readFacts(database).size + statSync(task.source).size);
    await safety.prepare();
    context.report({ phase: 'waiting for the write lock', done: 0, total: 0, unit: 'tables' });
    beginWriting(database, task.waitMs);
    const snapshot = await safety.take(() => undefined);
    // The application may have changed its schema before the lock was won.
    const plans = planTables(database, task.tables);
    context.report({ phase: 'replacing', done: 0, total: plans.length, unit: 'tables' });
    const { warnings, hasOldOrphans, rows } = replaceInTransaction(database, plans, task.raisesCookieBy);
    // What is refused leaves no safety backup of a restore that never was.
    const published = await context.unstoppable(() => publish(snapshot));
    commit(database, context);
    return {
      safety: published,
      checks: { foreign_keys: hasOldOrphans ? 'warning' : 'passed', rows: 'passed' },
      warnings: [...plans.flatMap((plan) => plan.warnings), ...warnings],
      tablesBefore: snapshot.tables,
      tablesAfter: { ...snapshot.tables, ...rows },
    };
  } finally {
    safety.release();
    // What was not committed is rolled back.
    database.close();
  }
}

function openForRestore({ live, source, waitMs }: RestoreTablesTask): Database {
  const database = openLive(live, waitMs);
  try {
    database.pragma('trusted_schema = OFF');
    // No row that is replaced takes others with it; what would be left without its parent is refused instead.
    database.pragma('foreign_keys = OFF');
    // Without it the schema cookie cannot be raised.
    database.unsafeMode(true);
    database.exec(`ATTACH ${text(source)} AS other`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** With a rollback journal nobody else is let in from here on, as in the restore of a whole backup. */
function beginWriting(database: Database, waitMs: number): void {
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (!saysBusy(error)) throw error;
    throw new BackupError('database_busy', `The write lock of the live database was not won within ${waitMs} ms.`);
  }
}

function replaceInTransaction(
  database: Database,
  plans: readonly TablePlan[],
  raisesCookieBy: number,
): ReplacedRows & { readonly rows: TableRows } {
  const cookie = readSchemaCookie(database);
  const replaced = replaceRows(database, plans);
  const rows = countRows(database, { of: plans.map(({ name }) => name) });
  database.pragma(`main.schema_version = ${cookie + raisesCookieBy}`);
  return { ...replaced, rows };
}

function commit(database: Database, context: TaskContext): void {
  context.commit();
  database.exec('COMMIT');
}
