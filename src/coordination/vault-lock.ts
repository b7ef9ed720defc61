import { join } from 'node:path';
import { BackupError } from '../errors.js';
import { FileLock } from './file-lock.js';

/** What is done under these locks is a few small writes; a holder that takes longer sits on a disk that does not answer. */
const longestWaitMs = 30_000;

export type Exclusively = <Result>(change: () => Promise<Result>) => Promise<Result>;

/**
 * Runs short pieces of work one at a time, across processes. `vault` is for changes of the vault (publish, update, remove,
 * sweep), `audit` for the audit trail; whoever has the first may take the second, never the other way round. Operations
 * as a whole have a lock of their own, which is never waited for.
 */
export function createVaultLock(stateDirectory: string, name: 'vault' | 'audit' = 'vault'): Exclusively {
  const file = join(stateDirectory, `${name}.lock`);
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
