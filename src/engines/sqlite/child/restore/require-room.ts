import { realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackupError } from '../../../../errors.js';

/**
 * The pages of a restore are all in the live database's journal or log before they are in its file, which may grow too.
 * A file system that is full in the middle of it costs no data, but it stops the application's own writes.
 * @throws BackupError `insufficient_storage`
 */
export function requireRoom(live: string, restoredBytes: number): void {
  const file = realpathSync(live);
  const liveBytes = statSync(file).size;
  const requiredBytes = Math.max(restoredBytes, liveBytes) + Math.max(0, restoredBytes - liveBytes);
  const { blocks, bavail, bsize } = statfsSync(dirname(file));
  const availableBytes = bavail * bsize;
  // Some file systems do not tell.
  if (blocks === 0 || availableBytes >= requiredBytes) return;
  throw new BackupError(
    'insufficient_storage',
    `Replacing the live database takes ${requiredBytes} bytes beside it; ${availableBytes} are free.`,
    { facts: { requiredBytes, availableBytes } },
  );
}
