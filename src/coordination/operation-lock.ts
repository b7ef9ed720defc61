import { join } from 'node:path';
import { FileLock } from './file-lock.js';

/** A holder that nobody can name is a dying process or a passing probe; both are gone well before this. */
const unexplainedHolderMs = 5_000;

export interface OperationLock {
  /** The file itself: an engine's processes hold it too, so that the lock is free only when they are gone. */
  readonly file: string;
  /**
   * Takes the lock, or gives up as soon as `isExplained` knows who holds it.
   * @returns what releases it, or null
   */
  acquire(isExplained: () => Promise<boolean>): Promise<(() => void) | null>;
  /** Whether at this moment nobody holds it: no service, and no process of an engine that outlived its service. */
  isFree(): boolean;
}

/** At most one changing operation per vault, across processes. */
export function createOperationLock(stateDirectory: string): OperationLock {
  const file = join(stateDirectory, 'operation.lock');
  return {
    file,
    async acquire(isExplained) {
      const lock = new FileLock(file);
      return (await contend(lock, isExplained)) ? () => lock.release() : null;
    },
    isFree() {
      const probe = new FileLock(file);
      const free = probe.tryAcquire({ alone: true });
      probe.release();
      return free;
    },
  };
}

async function contend(lock: FileLock, isExplained: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + unexplainedHolderMs;
  while (!(await lock.acquire(20, { alone: true }))) {
    if (performance.now() >= deadline || (await isExplained())) return false;
  }
  return true;
}
