import { readFileSync } from 'node:fs';

const periodMs = 1;
const nanosecondsPerMs = 1e6;

/**
 * Watches this process's event loop with a timer of 1 ms.
 * @returns {() => { stallMs: number, ownStallMs: number }} ends the watch and tells the longest time, in ms beyond the
 * period, that the loop did not turn; and the longest without the time in which this thread was ready to run and the
 * system had no core for it, which no program can help
 */
export function watchStalls() {
  let stallMs = 0;
  let ownStallMs = 0;
  let last = performance.now();
  let lastWait = waitedForCoreMs();
  const look = () => {
    const now = performance.now();
    const wait = waitedForCoreMs();
    const gap = now - last - periodMs;
    stallMs = Math.max(stallMs, gap);
    ownStallMs = Math.max(ownStallMs, gap - (wait - lastWait));
    last = now;
    lastWait = wait;
  };
  const timer = setInterval(look, periodMs);
  return () => {
    // A stall that lasts until now has not let the timer fire yet.
    look();
    clearInterval(timer);
    return { stallMs, ownStallMs };
  };
}

/** What Linux counts for the main thread since it began; 0 on a system that does not tell. */
function waitedForCoreMs() {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / nanosecondsPerMs;
  } catch {
    return 0;
  }
}

/** @returns {Promise<{ durationMs: number, stallMs: number, ownStallMs: number, value: unknown }>} */
export async function timed(work) {
  const stop = watchStalls();
  // The watch must be running before the work can block it.
  await new Promise((resolve) => setTimeout(resolve, 10));
  const startedAt = performance.now();
  try {
    const value = await work();
    return { durationMs: performance.now() - startedAt, ...stop(), value };
  } finally {
    stop();
  }
}
