import type { ScheduleRule } from '../options/schedule.js';
import { nextCronTime } from './cron-times.js';

/** A run of the schedule that made a backup. */
interface FinishedRun {
  readonly startedAt: Date;
  readonly finishedAt: Date;
}

export interface RunHistory {
  /** The newest one; null before the first. */
  readonly last: FinishedRun | null;
  /** When the schedule was first there. */
  readonly since: Date;
  /** How many runs have failed since the last one that did not. */
  readonly failures: number;
  readonly failedAt: Date | null;
}

const firstRetryMs = 60_000;
const longestRetryMs = 3_600_000;
/** Counting further tells nobody more. */
const mostCounted = 1_000;

/**
 * When the next run is due: at the first time of any rule after the last run began that did not pass while it was still
 * running. After failures it is put off, longer each time, but never beyond the next regular time.
 */
export function planRun(rules: readonly ScheduleRule[], history: RunHistory): Date {
  const { last, since, failures, failedAt } = history;
  const regular = last === null ? firstRun(rules, since) : runAfter(rules, last);
  if (failures === 0 || failedAt === null) return regular;
  const waitMs = Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs);
  const retryAt = earliest([new Date(failedAt.getTime() + waitMs), ...rules.map((rule) => nextTime(rule, failedAt))]);
  return new Date(Math.max(Number(retryAt), Number(regular)));
}

/** How many times of the rules have come after one and until another. */
export function countRuns(rules: readonly ScheduleRule[], after: Date, until: Date): number {
  return Math.max(...rules.map((rule) => timesBetween(rule, after, until).count));
}

/** The shortest time between two runs that come now. */
export function shortestGapMs(rules: readonly ScheduleRule[], now: Date): number {
  return Math.min(...rules.map((rule) => Number(nextTime(rule, nextTime(rule, now))) - Number(nextTime(rule, now))));
}

/** The first regular time after a run began at `startedAt`, whatever became of it. */
export function timeAfter(rules: readonly ScheduleRule[], startedAt: Date): Date {
  return earliest(rules.map((rule) => nextTime(rule, startedAt)));
}

/** An interval has no time of its own: the first backup is due when there is none. */
function firstRun(rules: readonly ScheduleRule[], since: Date): Date {
  return earliest(rules.map((rule) => ('every' in rule ? since : nextTime(rule, since))));
}

function runAfter(rules: readonly ScheduleRule[], { startedAt, finishedAt }: FinishedRun): Date {
  return earliest(rules.map((rule) => timesBetween(rule, startedAt, finishedAt).next));
}

/** How many times of a rule lie after `from` and not after `until`, and the first one beyond. */
function timesBetween(rule: ScheduleRule, from: Date, until: Date): { count: number; next: Date } {
  if ('every' in rule) {
    const count = Math.max(0, Math.floor((until.getTime() - from.getTime()) / rule.every));
    return { count: Math.min(count, mostCounted), next: new Date(from.getTime() + (count + 1) * rule.every) };
  }
  let next = nextTime(rule, from);
  let count = 0;
  for (; next <= until && count < mostCounted; count++) next = nextTime(rule, next);
  return { count, next: next <= until ? nextTime(rule, until) : next };
}

function nextTime(rule: ScheduleRule, after: Date): Date {
  if ('every' in rule) return new Date(after.getTime() + rule.every);
  return nextCronTime(rule, after);
}

const earliest = (times: readonly Date[]): Date => new Date(Math.min(...times.map(Number)));
