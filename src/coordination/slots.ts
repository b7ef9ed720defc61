import { BackupError } from '../errors.js';

/**
 * At most `limit` pieces of work at a time; at most `queueLimit` more wait in line.
 * @returns a function that takes a slot and resolves to its release
 */
export function createSlots(limit: number, queueLimit: number): () => Promise<() => void> {
  const waiting: (() => void)[] = [];
  let taken = 0;
  const release = (): void => {
    const next = waiting.shift();
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
  return async function takeSlot() {
    if (taken < limit) taken++;
    else {
      if (waiting.length >= queueLimit)
        throw new BackupError('rate_limited', 'Too many requests of this kind are waiting.');
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    return once();
  };
}
