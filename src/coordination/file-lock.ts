import { chmodSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../errors.js';
import { type Database, loadBetterSqlite3 } from '../system/load-better-sqlite3.js';

/** Short enough to go unnoticed, long enough to let other work run; who has waited for long looks less often. */
const pollMs = { least: 5, most: 100, share: 0.05 } as const;

/**
 * The files that this process has locked, by device and inode, known to every copy of this package in it. A copy with
 * a SQLite of its own knows nothing of the other's locks, and would drop them when it closes what it opened to ask.
 */
const lockedHere: Set<string> = sharedSet(Symbol.for('express-db-backup.locked-files'));

function sharedSet(name: symbol): Set<string> {
  const shared = globalThis as { [name: symbol]: Set<string> | undefined };
  shared[name] ??= new Set();
  return shared[name];
}

function identityOf(file: string): string | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}

/**
 * A lock between processes that the kernel frees when its holder dies, however it dies: a write lock on an empty
 * SQLite file. The file is opened through SQLite alone, never with `fs`, because closing any
 * descriptor of it would drop the lock of this whole process.
 */
export class FileLock {
  readonly #file: string;
  #database: Database | undefined;
  #identity: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Takes the lock if it is free at this moment. `alone` also waits for nobody to hold it shared. */
  tryAcquire({ alone = false, create = true }: { alone?: boolean; create?: boolean } = {}): boolean {
    const found = identityOf(this.#file);
    if (found !== undefined && lockedHere.has(found)) return false;
    const database = new (loadBetterSqlite3())(this.#file, { timeout: 0, fileMustExist: !create });
    try {
      if (create && found === undefined) chmodSync(this.#file, 0o600);
      // No journal file: nothing is ever written, and a crash leaves nothing to roll back.
      database.pragma('journal_mode = MEMORY');
      if (alone) database.exec('BEGIN EXCLUSIVE; ROLLBACK');
      database.exec('BEGIN IMMEDIATE');
      // A file that cannot be opened for writing is opened for reading, and then this transaction locks nothing.
      if (create) database.pragma('user_version = 0');
      this.#database = database;
      this.#identity = found ?? identityOf(this.#file);
      if (this.#identity !== undefined) lockedHere.add(this.#identity);
      return true;
    } catch (error) {
      database.close();
      if (systemCode(error)?.startsWith('SQLITE_BUSY') === true) return false;
      throw error;
    }
  }

  /** Polls for the lock without blocking the event loop; false when `waitMs` have passed. */
  async acquire(
    waitMs: number,
    { signal, ...options }: { alone?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<boolean> {
    const from = performance.now();
    while (!this.tryAcquire(options)) {
      signal?.throwIfAborted();
      const waitedMs = performance.now() - from;
      if (waitedMs >= waitMs) return false;
      await delay(Math.min(Math.max(pollMs.least, waitedMs * pollMs.share), pollMs.most));
    }
    return true;
  }

  release(): void {
    this.#database?.close();
    this.#database = undefined;
    if (this.#identity !== undefined) lockedHere.delete(this.#identity);
    this.#identity = undefined;
  }
}
