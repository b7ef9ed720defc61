import { openSync, readSync } from 'node:fs';

const periodMs = 1;
const nanosecondsPerMs = 1e6;
/** Linux counts what a hypervisor takes away in hundredths of a second. */
const msPerTick = 10;

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
  let lastWithout = withoutCoreMs();
  const look = () => {
    const now = performance.now();
    const without = withoutCoreMs();
    const gap = now - last - periodMs;
    stallMs = Math.max(stallMs, gap);
    ownStallMs = Math.max(
      ownStallMs,
      gap - (without.queued - lastWithout.queued) - (without.stolen - lastWithout.stolen),
    );
    last = now;
    lastWithout = without;
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

/** What Linux counts for the main thread since it began, and for the core that lost most; 0 on a system that does not tell. */
function withoutCoreMs() {
  const queued = Number(schedule().split(' ')[1] ?? 0) / nanosecondsPerMs;
  const stolen = statistics().matchAll(/^cpu\d+(?: \d+){7} (\d+)/gm);
  return { queued, stolen: Math.max(0, ...Array.from(stolen, ([, ticks]) => Number(ticks))) * msPerTick };
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
