import { shortestGapMs } from '../../schedule/plan-run.js';
import { createTicker, type Ticker } from '../../schedule/ticker.js';
import type { OperationParts } from '../operation-parts.js';
import { DueVerifications } from '../verify/verify-due.js';
import { ScheduledRuns } from './run-schedule.js';

/** What a started service does by itself. */
export interface Unattended {
  start(): void;
  /** Begins nothing more. */
  stop(): void;
  /** Resolves when nothing of it is under way. */
  idle(): Promise<void>;
}

/** An application starts first. A process that dies again and again makes backups nevertheless, as many as are due. */
const longestSettleMs = 10_000;
/** A fault of the vault itself is not gone a moment later. */
const faultMs = 60_000;

export function createUnattended(parts: OperationParts): Unattended {
  const { schedule: rules, verifyEvery } = parts.options;
  const tickers: { readonly ticker: Ticker; readonly settleMs: number }[] = [];
  const add = (periodMs: number, work: () => Promise<number>): void => {
    const ticker = createTicker(() =>
      work().catch((error: unknown) => {
        parts.runner.told(error);
        return faultMs;
      }),
    );
    tickers.push({ ticker, settleMs: Math.min(longestSettleMs, periodMs / 10) });
  };
  if (rules.length > 0) {
    const runs = new ScheduledRuns(parts);
    add(shortestGapMs(rules, parts.clock()), () => runs.run());
  }
  if (verifyEvery !== null) {
    const verifications = new DueVerifications(parts, verifyEvery);
    add(verifyEvery.every, () => verifications.run());
  }
  return {
    start: () => {
      parts.schedule.isActive = rules.length > 0;
      for (const { ticker, settleMs } of tickers) ticker.start(settleMs);
    },
    stop: () => {
      parts.schedule.isActive = false;
      for (const { ticker } of tickers) ticker.stop();
    },
    idle: async () => {
      await Promise.all(tickers.map(({ ticker }) => ticker.idle()));
    },
  };
}
