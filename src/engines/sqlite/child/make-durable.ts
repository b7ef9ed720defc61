import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../../system/load-better-sqlite3.js';
import { saysBusy } from './describe-error.js';
import { openLive } from './open-database.js';

/** A checkpoint that waits keeps writers waiting too; a reader that stays longer than this is not passing by. */
const readerPatienceMs = 250;
const pollMs = 5;

/**
 * Brings a restore that SQLite has committed to the disk (design, fact 5): a checkpoint that empties the log, or,
 * where a long reader prevents that, one fully synchronous commit, which syncs the log.
 * @returns whether the log could not be emptied yet
 */
export async function makeDurable(live: string, waitMs: number): Promise<boolean> {
  const database = openLive(live, readerPatienceMs);
  try {
    database.pragma('synchronous = FULL');
    const [outcome] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    if (outcome?.busy === 0) return false;
    await commitDurably(database, waitMs);
    return true;
  } finally {
    database.close();
  }
}

/** Writes the user version over itself: the smallest commit there is. */
async function commitDurably(database: Database, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    try {
      database.exec('BEGIN IMMEDIATE');
      break;
    } catch (error) {
      if (!saysBusy(error) || performance.now() >= deadline) throw error;
      await delay(pollMs);
    }
  }
  const version = Number(database.pragma('user_version', { simple: true }));
  database.pragma(`user_version = ${version}`);
  database.exec('COMMIT');
}
