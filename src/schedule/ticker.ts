/** A machine that slept, or whose clock was set, is noticed within this. */
const longestWaitMs = 60_000;

export interface Ticker {
  start(firstWaitMs: number): void;
  /** Begins nothing more. */
  stop(): void;
  /** Resolves when no work is under way. */
  idle(): Promise<void>;
}

/**
 * Does its work again and again, one at a time, each time after as many milliseconds as the work said, and after a
 * minute at most. It keeps no process alive. The work must not reject.
 */
export function createTicker(work: () => Promise<number>): Ticker {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = true;
  const arm = (waitMs: number): void => {
    if (stopped) return;
    timer = setTimeout(tick, Math.max(1, Math.min(waitMs, longestWaitMs))).unref();
  };
  const tick = (): void => {
    running = work().then(arm);
  };
  return {
    start(firstWaitMs) {
      if (!stopped) return;
      stopped = false;
      arm(firstWaitMs);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
    idle: () => running,
  };
}
