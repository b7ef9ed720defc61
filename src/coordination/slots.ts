import { BackupError } from '../errors.js';

/**
 * At most `limit` pieces of work at a time; at most `queueLimit` more wait in line, each until its own signal aborts.
 * @returns a function that takes a slot and resolves to its release
 */
export function createSlots(limit: number, queueLimit: number): (signal?: AbortSignal) => Promise<() => void> {
  const waiting = new Set<() => void>();
  let taken = 0;
  const release = (): void => {
    const [next] = waiting;
    if (next === undefined) taken--;
    else next();
  };
  const once = (): (() => void) => {
    let released = false;
    return () => {
      if (!released) release();
      released = true;
    };
  };
  return async function takeSlot(signal) {
    signal?.throwIfAborted();
    if (taken < limit) taken++;
    else {
      if (waiting.size >= queueLimit)
        throw new BackupError('rate_limited', 'Too many requests of this kind are waiting.');
      await inLine(waiting, signal);
    }
    return once();
  };
}

/** Resolves when the slot of one that has ended is handed on; whoever gives up leaves the line. */
function inLine(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      waiting.delete(proceed);
      reject(signal?.reason as Error);
    };
    const proceed = (): void => {
      waiting.delete(proceed);
      signal?.removeEventListener('abort', giveUp);
      resolve();
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    waiting.add(proceed);
  });
}
