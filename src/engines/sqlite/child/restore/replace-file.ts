import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** What belongs to a database file; the `-shm` is an index of the `-wal`, made anew from it. */
export const logs = ['-wal', '-journal'] as const;
export const sidecars = [...logs, '-shm'] as const;

/** Beside its place, on the same file system, with the owner and the mode that the live file had. */
export function place(source: string, incoming: string, live: string): void {
  copyFileSync(source, incoming, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const old = statSync(live, { throwIfNoEntry: false });
  const { uid, gid } = old ?? statSync(dirname(live));
  if (process.getuid?.() === 0) chownSync(incoming, uid, gid);
  chmodSync(incoming, old === undefined ? 0o600 : old.mode & 0o777);
}

/** The write and the read version of the file format, 2 for a log (https://www.sqlite.org/fileformat2.html, 1.3.3). */
const versions = { position: 18, length: 2, log: 2 } as const;

/**
 * An application may have set the mode once, for good: without its log readers and writers would wait for each other.
 * Written as it is: SQLite would make a log beside the file, which a kill would leave there.
 */
export function keepJournalMode(incoming: string, live: string): void {
  if (!existsSync(`${live}-wal`) && !saysLog(live)) return;
  const descriptor = openSync(incoming, 'r+');
  try {
    writeSync(descriptor, Buffer.alloc(versions.length, versions.log), 0, versions.length, versions.position);
  } finally {
    closeSync(descriptor);
  }
}

function saysLog(live: string): boolean {
  if (!existsSync(live)) return false;
  const found = Buffer.alloc(1);
  const descriptor = openSync(live, 'r');
  try {
    readSync(descriptor, found, 0, 1, versions.position);
  } finally {
    closeSync(descriptor);
  }
  return found[0] === versions.log;
}

/** Removes the logs of the old file first. When it returns, a power cut leaves the new file. */
export function replace(incoming: string, live: string): void {
  for (const suffix of sidecars) rmSync(live + suffix, { force: true });
  // A log that came back after a power cut would be applied to the new file.
  syncDirectoryOf(live);
  renameSync(incoming, live);
  syncDirectoryOf(live);
}

function syncDirectoryOf(file: string): void {
  const descriptor = openSync(dirname(file), 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
