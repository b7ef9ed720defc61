import { openSync, readSync } from 'node:fs';

const periodMs = 1;
const nanosecondsPerMs = 1e6;
/** Linux counts what a hypervisor takes away in hundredths of a second. */
const msPerTick = 10;
/** Looking at that costs a tenth of a millisecond: it is done this often, and after a stall. */
const stolenEveryMs = 50;
const stallAtLeastMs = 10;

/**
 * Watches this process's event loop with a timer of 1 ms.
 * @returns {() => { stallMs: number, ownStallMs: number }} ends the watch and tells the longest time, in ms beyond the
 * period, that the loop did not turn; and the longest without the time in which this thread had no core, which no
 * program can help: the system gave it to another, or the hypervisor gave it to another machine
 */
export function watchStalls() {
  let stallMs = 0;
  let ownStallMs = 0;
  let last = performance.now();
  let lastQueued = queuedMs();
  let [lastStolen, lastStolenAt] = [stolenMs(), last];
  const look = () => {
    const now = performance.now();
    const queued = queuedMs();
    const gap = now - last - periodMs;
    const isStall = gap >= stallAtLeastMs;
    if (isStall || now - lastStolenAt >= stolenEveryMs) {
      const stolen = stolenMs();
      if (isStall) ownStallMs = Math.max(ownStallMs, gap - (queued - lastQueued) - (stolen - lastStolen));
      [lastStolen, lastStolenAt] = [stolen, now];
    }
    if (!isStall) ownStallMs = Math.max(ownStallMs, gap - (queued - lastQueued));
    stallMs = Math.max(stallMs, gap);
    last = performance.now();
    lastQueued = queued;
  };
  const timer = setInterval(look, periodMs);
  return () => {
    // A stall that lasts until now has not let the timer fire yet.
    look();
    clearInterval(timer);
    return { stallMs, ownStallMs };
  };
}

const schedule = reader('/proc/self/schedstat');
const statistics = reader('/proc/stat');

/** How long the main thread was ready to run and another had the core. */
const queuedMs = () => Number(schedule().split(' ')[1] ?? 0) / nanosecondsPerMs;

/** How long the core that lost most was with another machine. */
function stolenMs() {
  const ticks = Array.from(statistics().matchAll(/^cpu\d+(?: \d+){7} (\d+)/gm), ([, stolen]) => Number(stolen));
  return Math.max(0, ...ticks) * msPerTick;
}

/** Reads a small file again and again into the same memory: what is looked at should not collect garbage for the look. */
function reader(file) {
  const buffer = Buffer.alloc(2_048);
  try {
    const descriptor = openSync(file, 'r');
    return () => buffer.latin1Slice(0, readSync(descriptor, buffer, 0, buffer.length, 0));
  } catch {
    return () => '';
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
