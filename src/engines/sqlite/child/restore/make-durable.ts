import { closeSync, existsSync, fsyncSync, openSync, realpathSync } from 'node:fs';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { openLive } from '../database/open-database.js';

/** A checkpoint that waits keeps writers waiting too; a reader that stays longer than this is not passing by. */
const readerPatienceMs = 250;

/**
 * Brings a restore that SQLite has committed to the disk: a checkpoint that empties the log, or, where
 * another connection or a full disk prevents that, a sync of the log and the file, which needs neither lock nor room. This
 * process has no connection to the database left when it opens the files, so closing them drops no lock.
 * @returns whether the log could not be emptied yet
 * @throws an error of the file system when the content is committed and cannot be brought to the disk
 */
export function makeDurable(live: string): boolean {
  const pending = !isCheckpointed(live);
  const file = realpathSync(live);
  if (pending) for (const part of [`${file}-wal`, file]) if (existsSync(part)) sync(part);
  return pending;
}

/** The commit has happened: whatever hinders the checkpoint does not undo it, and the log still has the content. */
function isCheckpointed(live: string): boolean {
  try {
    return checkpoint(openLive(live, readerPatienceMs));
  } catch {
    return false;
  }
}

function checkpoint(database: Database): boolean {
  try {
    database.pragma('synchronous = FULL');
    // Nearly all of the log is brought over by the mode that keeps no writer waiting, and keeps the application's own
    // connections from doing it in the middle of a request; the mode that empties the log then has little left.
    database.pragma('wal_checkpoint(PASSIVE)');
    const [outcome] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    return outcome?.busy === 0;
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
