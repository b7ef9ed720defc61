import type { TaskContext } from './task.js';

/**
 * Computes a file's digest in the other thread while the work reads the same file in this one. Both have ended when
 * this settles: a digest nobody waits for would end the process by its rejection, before the work's own error is told.
 */
export async function hashWhile<Result>(
  file: string,
  context: TaskContext,
  work: () => Result,
): Promise<{ readonly sha256: string; readonly result: Result }> {
  const digest = context.hash(file);
  try {
    const result = work();
    return { sha256: await digest, result };
  } catch (error) {
    await digest.catch(() => undefined);
    throw error;
  }
}
