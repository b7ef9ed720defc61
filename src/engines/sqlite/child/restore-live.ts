import { setTimeout as delay } from 'node:timers/promises';
import { BackupError } from '../../../errors.js';
import type { Database } from '../../../system/load-better-sqlite3.js';
import type { DatabaseFacts, RestoreInput, RestoreReport, SafetyPublication, Snapshot } from '../../engine.js';
import { checkAfterRestore } from './check-after-restore.js';
import { makeDurable } from './make-durable.js';
import { openLive, openPrivate } from './open-database.js';
import { countRows, readFacts } from './read-facts.js';
import { takeSafetySnapshot } from './take-safety-snapshot.js';
import type { TaskContext } from './task.js';

export interface RestoreTask extends RestoreInput {
  readonly live: string;
  readonly publication: SafetyPublication;
}

type PublishSafety = (snapshot: Snapshot) => Promise<unknown>;

interface Secured {
  readonly snapshot: Snapshot;
  readonly published: unknown;
}

/** BUSY looks like success here (design, fact 2), so the lock is polled for, this often. */
const pollMs = 5;
const pagesPerStep = 4096;

/**
 * Replaces the content of the live database by running SQLite's backup API backwards (design, facts 4 to 6).
 *
 * 1. Gives the staged source the page size of the live database.
 * 2. Wins the live write lock; from here on no commit can happen that the safety backup would miss.
 * 3. Takes the safety snapshot and publishes it.
 * 4. Copies all pages, the last of which commits: all new, or all old.
 * 5. Makes the commit durable, then checks the live database.
 *
 * From the second step to the fourth nothing waits for the host: a write of the application may have stopped its
 * event loop until this lock is free.
 */
export async function restoreLive(input: RestoreTask, context: TaskContext): Promise<RestoreReport> {
  const publish = await loadPublication(input.publication);
  matchPageSize(input);
  const source = openPrivate(input.source, { readonly: true });
  let restored: DatabaseFacts;
  let safety: Secured;
  let tablesAfter: Readonly<Record<string, number>>;
  try {
    restored = readFacts(source);
    tablesAfter = countRows(source);
    safety = await copyIntoLive(source, input, () => secure(input, publish, context), context);
  } finally {
    source.close();
  }
  const checkpointPending = makeDurable(input.live);
  const { checks, problems, warnings } = checkAfterRestore(input.live, restored, input.requiredTables, tablesAfter);
  const { snapshot, published } = safety;
  const tablesBefore = snapshot.tables;
  return { checks, problems, warnings, safety: published, tablesBefore, tablesAfter, checkpointPending };
}

/** Loaded before the lock is won, so that the application's writes do not wait for it. */
async function loadPublication({ module, input }: SafetyPublication): Promise<PublishSafety> {
  const { publishSafety } = (await import(module)) as {
    publishSafety: (input: unknown, snapshot: Snapshot) => Promise<unknown>;
  };
  return (snapshot) => publishSafety(input, snapshot);
}

async function secure(input: RestoreTask, publish: PublishSafety, context: TaskContext): Promise<Secured> {
  const snapshot = await takeSafetySnapshot(input, context);
  return { snapshot, published: await context.unstoppable(() => publish(snapshot)) };
}

/** A write-ahead log fixes the page size, so the staged copy takes the one of the live database. */
function matchPageSize({ live, source, waitMs }: RestoreTask): void {
  const target = openLive(live, waitMs);
  const staged = openPrivate(source, { readonly: false });
  try {
    const pageSize = Number(target.pragma('page_size', { simple: true }));
    if (Number(staged.pragma('page_size', { simple: true })) !== pageSize) {
      staged.pragma(`page_size = ${pageSize}`);
      staged.exec('VACUUM');
    }
  } finally {
    staged.close();
    target.close();
  }
}

/** @throws BackupError `database_busy` when the write lock was not won within `waitMs` */
async function copyIntoLive(
  source: Database,
  input: RestoreTask,
  secureLive: () => Promise<Secured>,
  context: TaskContext,
): Promise<Secured> {
  const deadline = performance.now() + input.waitMs;
  for (;;) {
    const gate = new RestoreGate(secureLive, context);
    context.report({ phase: 'waiting for the write lock', done: 0, total: 0, unit: 'pages' });
    const result = await source.backup(input.live, { progress: (progress) => gate.next(progress) });
    if (result.totalPages > 0 && result.remainingPages === 0) return gate.secured();
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
 * it does, the safety snapshot is taken and published on the same event loop. A throw rolls everything back.
 */
class RestoreGate {
  #state: 'locked' | 'securing' | 'copying' = 'locked';
  #secured: Secured | undefined;
  #failure: { readonly error: unknown } | undefined;
  readonly #secureLive: () => Promise<Secured>;
  readonly #context: TaskContext;

  constructor(secureLive: () => Promise<Secured>, context: TaskContext) {
    this.#secureLive = secureLive;
    this.#context = context;
  }

  secured(): Secured {
    if (this.#secured === undefined) throw new Error('The restore ended without its safety backup.');
    return this.#secured;
  }

  next({ totalPages, remainingPages }: Step): number {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#state === 'locked') this.#secure();
    if (this.#state === 'securing') return rest();
    this.#context.report({ phase: 'replacing', done: totalPages - remainingPages, total: totalPages, unit: 'pages' });
    if (remainingPages > 1) return Math.min(pagesPerStep, remainingPages - 1);
    this.#context.commit();
    return remainingPages;
  }

  #secure(): void {
    this.#state = 'securing';
    this.#secureLive().then(
      (secured) => {
        this.#secured = secured;
        this.#state = 'copying';
      },
      (error: unknown) => {
        this.#failure = { error };
      },
    );
  }
}

const nap = new Int32Array(new SharedArrayBuffer(4));

/** The backup API asks again at once; a short sleep keeps the wait from taking a whole core. */
function rest(): number {
  Atomics.wait(nap, 0, 0, 1);
  return 0;
}
