import { setTimeout as delay } from 'node:timers/promises';
import { BackupError } from '../../../errors.js';
import type { Database } from '../../../system/load-better-sqlite3.js';
import type { DatabaseFacts, RestoreInput, RestoreReport, Snapshot } from '../../engine.js';
import { checkAfterRestore } from './check-after-restore.js';
import { makeDurable } from './make-durable.js';
import { openLive, openPrivate } from './open-database.js';
import { countRows, readFacts } from './read-facts.js';
import { takeSafetySnapshot } from './take-safety-snapshot.js';
import type { TaskContext } from './task.js';

export interface RestoreTask extends RestoreInput {
  readonly live: string;
}

/** BUSY looks like success here (design, fact 2), so the lock is polled for, this often. */
const pollMs = 5;
const pagesPerStep = 4096;

/**
 * Replaces the content of the live database by running SQLite's backup API backwards (design, facts 4 to 6).
 *
 * 1. Gives the staged source the page size of the live database.
 * 2. Wins the live write lock; from here on no commit can happen that the safety backup would miss.
 * 3. Takes the safety snapshot and waits until the host has published it.
 * 4. Copies all pages but the last ones, asks the host whether to commit, and commits: all new, or all old.
 * 5. Makes the commit durable, then checks the live database.
 */
export async function restoreLive(input: RestoreTask, context: TaskContext): Promise<RestoreReport> {
  const wal = matchLive(input);
  const source = openPrivate(input.source, { readonly: true });
  let restored: DatabaseFacts;
  let safety: Snapshot;
  let tablesAfter: Readonly<Record<string, number>>;
  try {
    restored = readFacts(source);
    tablesAfter = countRows(source);
    safety = await copyIntoLive(source, input, wal, context);
  } finally {
    source.close();
  }
  const checkpointPending = await makeDurable(input.live, input.waitMs);
  const { checks, problems, warnings } = checkAfterRestore(input.live, restored, input.requiredTables, tablesAfter);
  return { checks, problems, warnings, tablesBefore: safety.tables, tablesAfter, checkpointPending };
}

/** A write-ahead log fixes the page size, so the staged copy takes the one of the live database. Returns whether live is in WAL mode. */
function matchLive({ live, source }: RestoreTask): boolean {
  const target = openLive(live, 0);
  const staged = openPrivate(source, { readonly: false });
  try {
    const pageSize = Number(target.pragma('page_size', { simple: true }));
    if (Number(staged.pragma('page_size', { simple: true })) !== pageSize) {
      staged.pragma(`page_size = ${pageSize}`);
      staged.exec('VACUUM');
    }
    return target.pragma('journal_mode', { simple: true }) === 'wal';
  } finally {
    staged.close();
    target.close();
  }
}

/** @throws BackupError `database_busy` when the write lock was not won within `waitMs` */
async function copyIntoLive(
  source: Database,
  input: RestoreTask,
  wal: boolean,
  context: TaskContext,
): Promise<Snapshot> {
  const deadline = performance.now() + input.waitMs;
  for (;;) {
    const gate = new RestoreGate(input, wal, context);
    context.report({ phase: 'waiting for the write lock', done: 0, total: 0, unit: 'pages' });
    const result = await source.backup(input.live, { progress: (progress) => gate.next(progress) });
    if (result.totalPages > 0 && result.remainingPages === 0) return gate.published();
    if (performance.now() >= deadline) {
      throw new BackupError(
        'database_busy',
        `The write lock of the live database was not won within ${input.waitMs} ms.`,
      );
    }
    await delay(pollMs);
  }
}

interface Step {
  readonly totalPages: number;
  readonly remainingPages: number;
}

/**
 * Decides, each time the backup API asks, how many pages to copy next. 0 holds the write lock without copying; while
 * it does, the safety snapshot is taken on the same event loop. A throw rolls everything back.
 */
class RestoreGate {
  #state: 'locked' | 'waiting' | 'copying' | 'committing' = 'locked';
  #safety: Snapshot | undefined;
  #failure: { readonly error: unknown } | undefined;
  readonly #input: RestoreTask;
  readonly #wal: boolean;
  readonly #context: TaskContext;

  constructor(input: RestoreTask, wal: boolean, context: TaskContext) {
    this.#input = input;
    this.#wal = wal;
    this.#context = context;
  }

  published(): Snapshot {
    if (this.#safety === undefined) throw new Error('The restore ended without its safety backup.');
    return this.#safety;
  }

  next({ totalPages, remainingPages }: Step): number {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#state === 'locked') return this.#wait(this.#secure());
    if (this.#state === 'waiting') return rest();
    this.#context.report({ phase: 'replacing', done: totalPages - remainingPages, total: totalPages, unit: 'pages' });
    if (this.#state === 'copying' && remainingPages > 1) return Math.min(pagesPerStep, remainingPages - 1);
    if (this.#state === 'copying') return this.#wait(this.#context.ask('commit', null), 'committing');
    return remainingPages;
  }

  async #secure(): Promise<void> {
    const safety = await takeSafetySnapshot(this.#input, this.#wal, this.#context);
    await this.#context.ask('publish-safety', safety);
    this.#safety = safety;
  }

  #wait(work: Promise<void>, then: 'copying' | 'committing' = 'copying'): number {
    this.#state = 'waiting';
    work.then(
      () => {
        this.#state = then;
      },
      (error: unknown) => {
        this.#failure = { error };
      },
    );
    return 0;
  }
}

const nap = new Int32Array(new SharedArrayBuffer(4));

/** The backup API asks again at once; a short sleep keeps the wait from taking a whole core. */
function rest(): number {
  Atomics.wait(nap, 0, 0, 1);
  return 0;
}
