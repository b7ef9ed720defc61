import { Cron } from 'croner';

export interface CronRule {
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
}

/** Beyond what croner looks into: as good as never. */
const never = 8.64e15;

/** Longer than any zone has ever put its clocks forward or back: Samoa left out a day. */
const longestShiftMs = 25 * 3_600_000;

/**
 * The first time of a cron expression after an instant. Local times are resolved as by RFC 5545, 3.3.5: one that the
 * clocks leave out counts with the offset from before, and one that comes twice is the first of the two. As with cron,
 * an expression for every hour (`*` in its place) comes in each hour that passes.
 */
export function nextCronTime({ cron, timezone }: CronRule, after: Date): Date {
  const local = new Cron(cron, { timezone: 'UTC', paused: true });
  const offsetAt = offsetsOf(timezone);
  const start = after.getTime() + offsetAt(after.getTime()) - shiftMs(offsetAt, after.getTime());
  let best = never;
  let until = Number.POSITIVE_INFINITY;
  // Around a shift, what is later on the clock may come earlier.
  for (let wall = local.nextRun(new Date(start)); wall !== null && Number(wall) <= until; wall = local.nextRun(wall)) {
    const times = instantsOf(wall.getTime(), offsetAt).slice(0, isEveryHour(cron) ? 2 : 1);
    best = Math.min(best, ...times.filter((time) => time > after.getTime()));
    if (best !== never) until = Math.min(until, wall.getTime() + shiftMs(offsetAt, best));
  }
  return new Date(best);
}

/** By how much the clocks are set about that time. */
function shiftMs(offsetAt: OffsetAt, ms: number): number {
  return Math.abs(offsetAt(ms + longestShiftMs) - offsetAt(ms - longestShiftMs));
}

/** The instants at which the clocks show a local time, the first one first. */
function instantsOf(wallMs: number, offsetAt: OffsetAt): number[] {
  const before = offsetAt(wallMs - longestShiftMs);
  const candidates = new Set([before, offsetAt(wallMs + longestShiftMs)].map((offset) => wallMs - offset));
  const shown = [...candidates].filter((time) => time + offsetAt(time) === wallMs).sort((a, b) => a - b);
  return shown.length > 0 ? shown : [wallMs - before];
}

function isEveryHour(cron: string): boolean {
  const fields = cron.trim().split(/\s+/);
  return cron.trim() === '@hourly' || fields.at(-4)?.startsWith('*') === true;
}

/** Milliseconds that a zone is ahead of UTC at an instant. */
type OffsetAt = (ms: number) => number;

function offsetsOf(timeZone: string): OffsetAt {
  const format = formatOf(timeZone);
  return (ms) => {
    const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** They are dear to make. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const numeric = 'numeric';
  const fields = {
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  } as const;
  const known = formats.get(timeZone) ?? new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...fields });
  formats.set(timeZone, known);
  return known;
}
