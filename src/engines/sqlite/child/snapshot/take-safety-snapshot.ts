import { BackupError } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { Snapshot } from '../../../database-content.js';
import type { Progress } from '../../../engine.js';
import { ReportBuilder } from '../../../report-builder.js';
import { describeError, saysBusy } from '../database/describe-error.js';
import { openPrivate, pinLive } from '../database/open-database.js';
import { readSchemaCookie, schemaDigest } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import { checkHeader } from '../verify/check-content.js';
import { cloneFile, cloneLog, hasLog, identityOf, removeClone, requireSameFile } from './clone-live.js';
import { copyPages } from './copy-pages.js';
import type { FinishInput } from './finish-snapshot.js';

export interface SafetyInput {
  readonly live: string;
  readonly safetyDestination: string;
}

/**
 * The copy of what a restore is going to replace, with every commit that was ever acknowledged.
 *
 * Of a database with a write-ahead log the file is copied before the restore's write lock is won, while the
 * application goes on writing, and only the log under that lock: a reader that is pinned from the one to the other
 * keeps the two together. With a rollback journal, which lets nobody in, all is copied under the lock.
 */
export class SafetySnapshot {
  readonly #live: string;
  readonly #destination: string;
  readonly #context: TaskContext;
  /** Of the file that is going to be replaced; all that is opened or copied by its path must be this one. */
  readonly #identity: string;
  /** Pinned since before the file was copied. */
  #pinned: Database | undefined;
  /** Pinned since the write lock was won: it sees what the restore replaces, whatever the restore has written so far. */
  #current: Database | undefined;
  #schemaCookie = Number.NaN;

  constructor({ live, safetyDestination }: SafetyInput, context: TaskContext) {
    this.#live = live;
    this.#destination = safetyDestination;
    this.#identity = identityOf(live);
    const report = (progress: Progress): void => context.report({ ...progress, phase: 'securing' });
    this.#context = { ...context, report };
  }

  /** Copies what can be copied without the write lock. */
  async prepare(): Promise<void> {
    this.#context.prepareCopy();
    // Under the lock the check must not wait for its thread.
    await this.#context.beside('load', {}).catch(() => undefined);
    const pinned = ignoring(saysBusy, () => pinLive(this.#live, { timeout: 0 }));
    if (pinned === undefined) return;
    this.#pinned = pinned;
    if (!hasLog(pinned)) return this.release();
    await cloneFile(this.#live, this.#destination, this.#context).catch((error: unknown) => {
      if (describeError(error).code === 'insufficient_storage') throw error;
      // Under the lock there is another way.
      removeClone(this.#destination);
      this.release();
    });
  }

  /**
   * Completes the copy; called when the write lock is held. From the call of `onCopied` on the live database may be
   * changed, while the copy is checked in another thread. A damaged live database is copied as it is: the verdict says
   * so, and does not stop the restore that is to mend it.
   */
  async take(onCopied: () => void): Promise<Snapshot> {
    // Only the lock that is held tells the journal mode: it lets readers in if there is a log, and nobody else.
    const current = ignoring(saysBusy, () => pinLive(this.#live, { timeout: 0 }));
    this.#current = current;
    requireSameFile(this.#live, this.#identity);
    if (current === undefined) return this.#takeQuiescent(onCopied);
    this.#schemaCookie = readSchemaCookie(current);
    const schemaSha256 = schemaDigest(current);
    const clone = await this.#takeClone(schemaSha256, onCopied).catch((error: unknown) => {
      if (describeError(error).code === 'insufficient_storage') throw error;
      return null;
    });
    if (clone?.verification.ok === true) return clone;
    removeClone(this.#destination);
    await copyPages(current, this.#destination, this.#context);
    onCopied();
    return this.#finish(schemaSha256);
  }

  /** Of what was copied; the commit of a restore raises it. */
  get schemaCookie(): number {
    return this.#schemaCookie;
  }

  /** Lets go of what it has pinned, which holds back the checkpoint of the restored content. */
  release(): void {
    this.#pinned?.close();
    this.#current?.close();
    this.#pinned = this.#current = undefined;
  }

  async #takeClone(schemaSha256: string, onCopied: () => void): Promise<Snapshot> {
    if (this.#pinned === undefined) await cloneFile(this.#live, this.#destination, this.#context);
    await cloneLog(this.#live, this.#destination, this.#context);
    requireSameFile(this.#live, this.#identity);
    onCopied();
    return this.#finish(schemaSha256);
  }

  /** Nobody but the copying process reads the file, and nobody writes it. */
  async #takeQuiescent(onCopied: () => void): Promise<Snapshot> {
    if (this.#pinned !== undefined)
      throw new BackupError('database_busy', 'The live database was locked while it was to be copied.');
    await cloneFile(this.#live, this.#destination, this.#context);
    requireSameFile(this.#live, this.#identity);
    requireRollbackMode(this.#destination);
    const schemaSha256 = this.#readCopy();
    onCopied();
    return this.#finish(schemaSha256);
  }

  #readCopy(): string {
    const copy = openPrivate(this.#destination, { readonly: true });
    try {
      this.#schemaCookie = readSchemaCookie(copy);
      return schemaDigest(copy);
    } finally {
      copy.close();
    }
  }

  #finish(schemaSha256: string): Promise<Snapshot> {
    const input = { destination: this.#destination, level: 'quick', requiredTables: [], schemaSha256 } as const;
    return this.#context.beside<Snapshot>('finish', input satisfies FinishInput);
  }
}

function ignoring<Result>(expected: (error: unknown) => boolean, work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (expected(error)) return undefined;
    throw error;
  }
}

/** Of a database with a write-ahead log the file alone is not all of it. */
function requireRollbackMode(file: string): void {
  const report = new ReportBuilder();
  checkHeader(file, report, { standalone: true });
  if (!report.ok)
    throw new BackupError('database_busy', 'The live database changed its journal mode while it was to be copied.');
}
