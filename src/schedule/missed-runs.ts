import type { ScheduleRule } from '../options/schedule.js';
import { countRuns, type RunHistory, timeAfter } from './plan-run.js';

/** Runs of the schedule that did not take place when they were due. */
export interface MissedRuns {
  /** The first one. */
  readonly dueAt: Date;
  readonly runs: number;
}

/** Runs that never took place since nobody was there; one that is merely late is not missed, nor are failed ones. */
export function missedWhileAway(
  rules: readonly ScheduleRule[],
  { last, failures }: RunHistory,
  dueAt: Date,
  now: Date,
): MissedRuns | null {
  const runs = countRuns(rules, dueAt, now);
  return last === null || failures > 0 || runs === 0 ? null : { dueAt, runs };
}

/** Runs that were due while one that had begun before was still going on. */
export function missedWhileRunning(rules: readonly ScheduleRule[], startedAt: Date, endedAt: Date): MissedRuns | null {
  const runs = countRuns(rules, startedAt, endedAt);
  return runs === 0 ? null : { dueAt: timeAfter(rules, startedAt), runs };
}
