/** How often, how long and how many; only tests choose another. */
export interface Pace {
  /** Of one notification to one notifier. */
  readonly attempts: number;
  /** Before the second attempt; each wait after it is four times as long. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** A receiver that asks for more is asked again after this time. */
  readonly longestRetryAfterMs: number;
  /** Of an attempt, where the notifier does not say. */
  readonly attemptMs: number;
  /** For one notifier; the oldest goes when there are more. */
  readonly mostWaiting: number;
  /** What was given up is taken up again so often. */
  readonly againMs: number;
  /** What is left at the end has this long. */
  readonly closeMs: number;
}

/** Five attempts within about seven minutes: a receiver that is restarted, or a line that is down for a while. */
export const usualPace: Pace = {
  attempts: 5,
  firstWaitMs: 5_000,
  longestWaitMs: 300_000,
  longestRetryAfterMs: 600_000,
  attemptMs: 10_000,
  mostWaiting: 100,
  againMs: 3_600_000,
  // Whoever stops the application waits some ten seconds before they kill it.
  closeMs: 3_000,
};

/** Milliseconds before the next attempt. A quarter more or less keeps many senders from coming at once. */
export function waitMs(attempt: number, retryAfterMs: number | undefined, pace: Pace, random: number): number {
  const backoff = Math.min(pace.firstWaitMs * 4 ** (attempt - 1), pace.longestWaitMs) * (0.75 + random / 2);
  return Math.round(Math.max(backoff, Math.min(retryAfterMs ?? 0, pace.longestRetryAfterMs)));
}
