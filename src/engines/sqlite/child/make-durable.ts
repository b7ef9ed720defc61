import { closeSync, existsSync, fsyncSync, openSync, realpathSync } from 'node:fs';
import { saysBusy } from './describe-error.js';
import { openLive } from './open-database.js';

/** A checkpoint that waits keeps writers waiting too; a reader that stays longer than this is not passing by. */
const readerPatienceMs = 250;

/**
 * Brings a restore that SQLite has committed to the disk (design, fact 5): a checkpoint that empties the log, or, where
 * another connection prevents that, a sync of the log and the file, which waits for no lock. This process has
 * no connection to the database left when it opens the files, so closing them drops no lock (fact 8).
 * @returns whether the log could not be emptied yet
 */
export function makeDurable(live: string): boolean {
  const pending = !checkpoint(live);
  const file = realpathSync(live);
  if (pending) for (const part of [`${file}-wal`, file]) if (existsSync(part)) sync(part);
  return pending;
}

function checkpoint(live: string): boolean {
  const database = openLive(live, readerPatienceMs);
  try {
    database.pragma('synchronous = FULL');
    // Nearly all of the log is brought over by the mode that keeps no writer waiting, and keeps the application's own
    // connections from doing it in the middle of a request; the mode that empties the log then has little left.
    database.pragma('wal_checkpoint(PASSIVE)');
    const [outcome] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    return outcome?.busy === 0;
  } catch (error) {
    if (saysBusy(error)) return false;
    throw error;
  } finally {
    database.close();
  }
}

function sync(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
