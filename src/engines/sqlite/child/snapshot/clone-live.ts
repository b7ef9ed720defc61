import { existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import { BackupError } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { TaskContext } from '../task.js';

/** How often the growing copy is looked at, to tell how far it is. */
const progressMs = 100;
const sidecars = ['-wal', '-shm', '-journal'];

/** Whether commits go into a write-ahead log, whose readers stand in nobody's way. Asked of a connection that is pinned. */
export function hasLog(pinned: Database): boolean {
  return pinned.pragma('journal_mode', { simple: true }) === 'wal';
}

/** Which file the path leads to now, by whatever link; a connection goes on with the one that it opened. */
export function identityOf(live: string): string {
  const found = statSync(live, { bigint: true, throwIfNoEntry: false });
  return `${found?.dev}:${found?.ino}`;
}

/** A copy by path is one of the pinned database only if no other file took its place since before it was pinned. */
export function requireSameFile(live: string, identity: string): void {
  if (identityOf(live) !== identity)
    throw new BackupError('database_busy', 'Another file took the place of the live database while it was copied.');
}

/**
 * One half of a pinned clone: the bytes of the database file. While a reader is pinned, no checkpoint
 * passes it, so whatever the file lacks, or has half of, is in the log.
 */
export function cloneFile(live: string, destination: string, context: TaskContext): Promise<void> {
  const from = realpathSync(live);
  return telling(from, destination, context, () => context.copy({ from, to: destination, log: false }));
}

/**
 * The other half: the log. Both must be copied under one and the same pinned reader, in either order; opened together
 * they are the database as it was when the log was copied.
 * @returns bytes of the log
 */
export async function cloneLog(live: string, destination: string, context: TaskContext): Promise<number> {
  // The log lies beside the file itself, not beside a link to it.
  await context.copy({ from: `${realpathSync(live)}-wal`, to: `${destination}-wal`, log: true });
  return statSync(`${destination}-wal`).size;
}

export function removeClone(destination: string): void {
  for (const file of ['', ...sidecars].map((suffix) => destination + suffix)) rmSync(file, { force: true });
}

async function telling(from: string, to: string, context: TaskContext, work: () => Promise<void>): Promise<void> {
  const total = statSync(from).size;
  const tell = (done: number): void => context.report({ phase: 'copying', done, total, unit: 'bytes' });
  const timer = setInterval(() => tell(existsSync(to) ? Math.min(statSync(to).size, total) : 0), progressMs);
  try {
    tell(0);
    await work();
    tell(total);
  } finally {
    clearInterval(timer);
  }
}
