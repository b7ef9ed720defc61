import { join } from 'node:path';
import { FileLock } from '../coordination/file-lock.js';
import { BackupError } from '../errors.js';
import { createBackup } from './create-backup.js';
import type { OperationParts } from './operation-parts.js';
import { examine } from './validate-database.js';

/** Migrations of another process that does the same may take this long. */
const patienceMs = 5 * 60_000;

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
    if (await hasBytes(parts))
      await createBackup(parts, {
        kind: 'pre_migration',
        by: 'initialize',
        notes: 'Before the database was initialised',
      });
    await initialize();
    return true;
  } finally {
    lock.release();
  }
}

async function needsTables(parts: OperationParts): Promise<boolean> {
  const { state } = await examine(parts);
  return state === 'missing' || state === 'empty';
}

async function hasBytes({ engine }: OperationParts): Promise<boolean> {
  return (await engine.stamp()) !== null && (await engine.liveBytes()) > 0;
}
