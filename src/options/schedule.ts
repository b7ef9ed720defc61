import { Cron } from 'croner';
import { z } from 'zod';
import { verificationLevels } from './backup-kind.js';
import { duration, longestTimerMs } from './duration.js';

/** What a started service does when nothing else is said: within the seven days that a backup stays, its bytes are read again. */
export const scheduleDefaults = { schedule: { every: '24h' }, verifyEvery: '3d' } as const;

const shortestMs = 1_000;
const interval = duration({ leastMs: shortestMs, mostMs: longestTimerMs });

const everyRule = z.strictObject({ every: interval });
const cronRule = z
  .strictObject({
    /** Five or six fields, as of cron; with six the first one is the second. */
    cron: z.string().min(1),
    /** An IANA name such as `Europe/Berlin`; without it UTC. */
    timezone: z.string().min(1).default('UTC'),
  })
  .superRefine(({ cron, timezone }, context) => {
    const problem = problemOf(cron, timezone);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });

/** What croner says of it, or that it never comes. */
function problemOf(cron: string, timezone: string): string | null {
  // croner also takes a date, and a year as a seventh field: schedules that end.
  if (!/^\s*(@\w+|\S+(\s+\S+){4,5})\s*$/.test(cron)) return 'a cron expression of five or six fields';
  try {
    const next = new Cron(cron, { timezone, paused: true }).nextRun();
    return next === null ? `a cron expression that comes again; "${cron}" never does` : null;
  } catch (error) {
    return `a cron expression and a time zone: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const rule = z.union([everyRule, cronRule]);
export type ScheduleRule = z.output<typeof rule>;

/** More rules than this are a mistake. */
const mostRules = 20;

export const scheduleSchema = z
  .union([z.literal(false), rule, z.array(rule).min(1).max(mostRules)])
  .prefault(scheduleDefaults.schedule)
  .transform((given): readonly ScheduleRule[] => (given === false ? [] : Array.isArray(given) ? given : [given]));

/** With `quick`: the bytes were checked by SQLite when they were published, and the digest tells whether they are the same. */
const verification = z.strictObject({ every: interval, level: z.enum(verificationLevels).default('quick') });

export const verifyEverySchema = z
  .union([z.literal(false), interval, verification])
  .prefault(scheduleDefaults.verifyEvery)
  .transform((given) => {
    if (given === false) return null;
    return typeof given === 'number' ? { every: given, level: 'quick' as const } : given;
  });
export type VerifySchedule = NonNullable<z.output<typeof verifyEverySchema>>;
