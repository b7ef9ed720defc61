import { join } from 'node:path';
import { BackupError } from '../errors.js';
import { FileLock } from './file-lock.js';

/** Every change under this lock is a few small writes; a holder that takes longer sits on a disk that does not answer. */
const longestWaitMs = 30_000;

export type Exclusively = <Result>(change: () => Promise<Result>) => Promise<Result>;

/**
 * Runs short changes of the vault (publish, update, remove, sweep) one at a time, across processes. Operations as a
 * whole have a lock of their own, which is never waited for.
 */
export function createVaultLock(stateDirectory: string): Exclusively {
  const file = join(stateDirectory, 'vault.lock');
  let last: Promise<unknown> = Promise.resolve();
  return function exclusively(change) {
    const mine = last.then(() => underLock(new FileLock(file), change));
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function underLock<Result>(lock: FileLock, change: () => Promise<Result>): Promise<Result> {
  if (!(await lock.acquire(longestWaitMs)))
    throw new BackupError('operation_in_progress', 'The vault stayed locked by another process.', {
      facts: { operation: null },
    });
  try {
    return await change();
  } finally {
    lock.release();
  }
}
