import { setTimeout as delay } from 'node:timers/promises';
import { BackupError } from '../../errors.js';
import type { OperationParts } from '../operation-parts.js';

/** A backup or a restore of another process takes its time; one that takes longer is told. */
const patienceMs = 10 * 60_000;
const pauseMs = 100;

/** Begins a changing operation when no other one runs. It waits outside, so that no refusal is on record. */
export async function inTurn<Result>(
  { runner }: OperationParts,
  begin: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const deadline = performance.now() + patienceMs;
  const pause = async (): Promise<void> => {
    await delay(pauseMs);
    // With the reason of whoever gave up, not with a timer's own error.
    signal?.throwIfAborted();
  };
  for (;;) {
    while (runner.isChanging() && performance.now() < deadline) await pause();
    try {
      return await begin();
    } catch (error) {
      const isTaken = error instanceof BackupError && error.code === 'operation_in_progress';
      if (!isTaken || performance.now() >= deadline) throw error;
    }
    // One of this service that has not got the lock yet needs time to get it.
    await pause();
  }
}
