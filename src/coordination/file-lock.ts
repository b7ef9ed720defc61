import { chmodSync, existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../errors.js';
import { type Database, loadBetterSqlite3 } from '../system/load-better-sqlite3.js';

/** Short enough to go unnoticed, long enough to let other work run. */
const pollMs = 5;

/**
 * A lock between processes that the kernel frees when its holder dies, however it dies: a write lock on an empty
 * SQLite file (design, fact 12). The file is opened through SQLite alone, never with `fs`, because closing any
 * descriptor of it would drop the lock of this whole process (fact 8).
 */
export class FileLock {
  readonly #file: string;
  #database: Database | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Takes the lock if it is free at this moment. `alone` also waits for nobody to hold it shared. */
  tryAcquire({ alone = false, create = true }: { alone?: boolean; create?: boolean } = {}): boolean {
    const isNew = create && !existsSync(this.#file);
    const database = new (loadBetterSqlite3())(this.#file, { timeout: 0, fileMustExist: !create });
    try {
      if (isNew) chmodSync(this.#file, 0o600);
      // No journal file: nothing is ever written, and a crash leaves nothing to roll back.
      database.pragma('journal_mode = MEMORY');
      if (alone) database.exec('BEGIN EXCLUSIVE; ROLLBACK');
      database.exec('BEGIN IMMEDIATE');
      this.#database = database;
      return true;
    } catch (error) {
      database.close();
      if (systemCode(error)?.startsWith('SQLITE_BUSY') === true) return false;
      throw error;
    }
  }

  /** Polls for the lock without blocking the event loop; false when `waitMs` have passed. */
  async acquire(waitMs: number, options: { alone?: boolean } = {}): Promise<boolean> {
    const deadline = performance.now() + waitMs;
    while (!this.tryAcquire(options)) {
      if (performance.now() >= deadline) return false;
      await delay(pollMs);
    }
    return true;
  }

  release(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}
