import { setTimeout as delay } from 'node:timers/promises';
import { BackupError } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { Snapshot } from '../../../database-content.js';
import type { RestoreInput, RestoreReport, SafetyPublication } from '../../../restore-report.js';
import { openPrivate } from '../database/open-database.js';
import { countRows, readFacts } from '../database/read-facts.js';
import { SafetySnapshot } from '../snapshot/take-safety-snapshot.js';
import type { TaskContext } from '../task.js';
import { checkAfterRestore, type RestoredContent } from './check-after-restore.js';
import { makeDurable } from './make-durable.js';
import { matchPageSize } from './match-page-size.js';
import { requireRoom } from './require-room.js';
import { RestoreGate } from './restore-gate.js';

export interface RestoreTask extends RestoreInput {
  readonly live: string;
  readonly publication: SafetyPublication;
}

type PublishSafety = (snapshot: Snapshot) => Promise<unknown>;

interface Secured {
  readonly snapshot: Snapshot;
  readonly published: unknown;
}

/** BUSY looks like success here, so the lock is polled for, this often. */
const pollMs = 5;

/**
 * Replaces the content of the live database by running SQLite's backup API backwards.
 *
 * 1. Gives the staged source the page size of the live database, and copies what it can of the safety snapshot.
 * 2. Wins the live write lock; from here on no commit can happen that the safety backup would miss.
 * 3. Completes the safety snapshot; while it is checked and published, copies all pages but the last.
 * 4. Copies the last page, which commits: all new, or all old.
 * 5. Makes the commit durable, then checks the live database.
 *
 * From the second step to the fourth nothing waits for the host: a write of the application may have stopped its
 * event loop until this lock is free.
 */
export async function restoreLive(input: RestoreTask, context: TaskContext): Promise<RestoreReport> {
  const publish = await loadPublication(input.publication);
  matchPageSize(input);
  const { restored, safety } = await replace(input, publish, context);
  const checkpointPending = makeDurable(input.live);
  const { checks, problems, warnings } = checkAfterRestore(input.live, restored, input.requiredTables);
  const [tablesBefore, tablesAfter] = [safety.snapshot.tables, restored.rows];
  return { checks, problems, warnings, safety: safety.published, tablesBefore, tablesAfter, checkpointPending };
}

/** Loaded before the lock is won, so that the application's writes do not wait for it. */
export async function loadPublication({ module, input }: SafetyPublication): Promise<PublishSafety> {
  const { publishSafety } = (await import(module)) as {
    publishSafety: (input: unknown, snapshot: Snapshot) => Promise<unknown>;
  };
  return (snapshot) => publishSafety(input, snapshot);
}

/** When it settles no connection to the live database is left. */
async function replace(
  input: RestoreTask,
  publish: PublishSafety,
  context: TaskContext,
): Promise<{ restored: RestoredContent; safety: Secured }> {
  const source = openPrivate(input.source, { readonly: true });
  const snapshot = new SafetySnapshot(input, context);
  const secure = async (onCopied: () => void): Promise<Secured> => {
    const taken = await snapshot.take(onCopied);
    return { snapshot: taken, published: await context.unstoppable(() => publish(taken)) };
  };
  try {
    const [facts, rows] = [readFacts(source), countRows(source)];
    requireRoom(input.live, facts.size);
    await snapshot.prepare();
    const safety = await copyIntoLive(source, input, secure, context);
    return { restored: { facts, rows, replacedCookie: snapshot.schemaCookie }, safety };
  } finally {
    snapshot.release();
    source.close();
  }
}

/** @throws BackupError `database_busy` when the write lock was not won within `waitMs` */
async function copyIntoLive(
  source: Database,
  { live, waitMs }: RestoreTask,
  secure: (onCopied: () => void) => Promise<Secured>,
  context: TaskContext,
): Promise<Secured> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const gate = new RestoreGate(secure, context);
    context.report({ phase: 'waiting for the write lock', done: 0, total: 0, unit: 'pages' });
    const result = await source
      .backup(live, { progress: (progress) => gate.next(progress) })
      .finally(() => gate.idle());
    if (result.totalPages > 0 && result.remainingPages === 0) return gate.secured();
    if (performance.now() >= deadline) {
      throw new BackupError('database_busy', `The write lock of the live database was not won within ${waitMs} ms.`);
    }
    await delay(pollMs);
  }
}
