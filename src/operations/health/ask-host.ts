import { setTimeout as delay } from 'node:timers/promises';
import type { OperationParts } from '../operation-parts.js';

/** A check of the application that takes longer has lost its way. */
const longestCheckMs = 5 * 60_000;

/**
 * Lets the application look at a database. What it finds is told in its own words; that it threw is all that can be said
 * otherwise.
 * @returns null where there is no check, else whether it passed and why it did not
 */
export async function askHost(
  { options, events }: OperationParts,
  database: string,
  cancelled?: AbortSignal,
): Promise<{ readonly passed: boolean; readonly problem: string } | null> {
  if (options.check === undefined) return null;
  const waiting = new AbortController();
  const signal = cancelled === undefined ? waiting.signal : AbortSignal.any([waiting.signal, cancelled]);
  const tooLong = delay(longestCheckMs, 'late' as const, { ref: false, signal });
  tooLong.catch(() => undefined);
  try {
    const said = await Promise.race([Promise.resolve(options.check(database)), tooLong]);
    const why = said === 'late' ? `did not end within ${longestCheckMs} ms` : 'said no';
    return { passed: said !== false && said !== 'late', problem: `check() of the application ${why}.` };
  } catch (error) {
    cancelled?.throwIfAborted();
    events.emit('internal.error', { instance: null, error });
    return { passed: false, problem: 'check() of the application failed.' };
  } finally {
    waiting.abort();
  }
}
