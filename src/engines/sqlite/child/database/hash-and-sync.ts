import type { TaskContext } from '../task.js';

/**
 * Computes a file's digest and brings its bytes to the disk in the other thread while the work reads the same file in
 * this one. All have ended when this settles; of several failures that of the work is told.
 */
export async function hashAndSync<Result>(
  file: string,
  context: TaskContext,
  work: () => Result,
): Promise<{ readonly sha256: string; readonly result: Result }> {
  const errands = [context.hash(file), context.sync(file)] as const;
  try {
    const result = work();
    const [sha256] = await Promise.all(errands);
    return { sha256, result };
  } catch (error) {
    await Promise.allSettled(errands);
    throw error;
  }
}
