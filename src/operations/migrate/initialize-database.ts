import { join } from 'node:path';
import { FileLock } from '../../coordination/file-lock.js';
import { BackupError } from '../../errors.js';
import { createBackup } from '../backups/create-backup.js';
import { look } from '../health/validate-database.js';
import type { OperationParts } from '../operation-parts.js';
import { inTurn } from '../run/in-turn.js';
import { requireNotLost } from './require-not-lost.js';

const backupBefore = {
  kind: 'pre_migration',
  by: 'initialize',
  notes: 'Before the database was initialised',
} as const;

/** Migrations of another process that does the same may take this long. */
const patienceMs = 5 * 60_000;
const longestMs = 60_000;

/**
 * Has the host make its tables where there are none: a file that is missing, or a database without tables. One process
 * does it; the others wait and find it done. Whatever is there is backed up first.
 * @throws what the host's function throws; BackupError of the backup before it, and then nothing was called
 */
export async function initializeDatabase(parts: OperationParts): Promise<boolean> {
  const { initialize } = parts.options;
  if (initialize === undefined || !(await needsTables(parts))) return false;
  const lock = new FileLock(join(parts.place.stateDirectory, 'initialize.lock'));
  if (!(await lock.acquire(patienceMs)))
    throw new BackupError('database_busy', 'Another process has been initialising the database for minutes.');
  try {
    if (!(await needsTables(parts))) return false;
    if (await hasBytes(parts)) await inTurn(parts, () => createBackup(parts, backupBefore));
    await initialize();
    return true;
  } finally {
    lock.release();
  }
}

/** A log whose file is gone may be all that is left of the data; nothing is made in its place, nor of one that was lost. */
async function needsTables(parts: OperationParts): Promise<boolean> {
  try {
    const found = await look(parts, longestMs);
    await requireNotLost(parts, found);
    const { state, hasLogAlone } = found;
    return (state === 'missing' || state === 'empty') && !hasLogAlone;
  } catch (error) {
    // The validation that follows tells of it.
    if (!(error instanceof BackupError)) parts.runner.told(error);
    return false;
  }
}

async function hasBytes({ engine }: OperationParts): Promise<boolean> {
  return (await engine.stamp()) !== null && (await engine.liveBytes()) > 0;
}
