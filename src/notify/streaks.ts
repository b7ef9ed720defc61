import { z } from 'zod';
import { troubleEvents } from '../options/notify-options.js';
import type { KnownTrouble, Trouble } from './occurrence.js';

const text = z.string().max(2_000);
const instant = z.iso.datetime();

/** How far one notifier has been told of a streak. */
const toldSchema = z.object({
  /** When somebody last undertook to tell it. */
  at: instant,
  /** The service that undertook it; empty when that failed. */
  by: z.string().regex(/^[\w-]{0,100}$/),
  /** Whether that was done. */
  sent: z.boolean(),
  /** How often it has been told. */
  times: z.int().min(0),
});

const streakSchema = z.object({
  trouble: z.object({
    event: z.enum(troubleEvents),
    subject: text,
    code: text.nullable(),
    what: text,
    hint: text,
    facts: z.record(text, z.union([text, z.number(), z.null()])),
  }),
  since: instant,
  lastAt: instant,
  count: z.int().min(1),
  /** By the notifier. */
  told: z.record(z.string(), toldSchema),
});

/** Bounds what one vault can have wrong at a time; beyond it the one longest unseen is forgotten. */
const mostStreaks = 100;
export const streaksSchema = z.object({ version: z.literal(1), streaks: z.array(streakSchema).max(mostStreaks) });

/** Equal failures since the last success, and who has been told. */
export type Streak = z.output<typeof streakSchema>;
type Told = z.output<typeof toldSchema>;
export type Streaks = readonly Streak[];

const dayMs = 24 * 60 * 60_000;
/** After the first message, and then after each one. The last holds for all that follow. */
const remindAfterMs = [dayMs, 3 * dayMs, 7 * dayMs] as const;

export const isSame = (a: Trouble, b: Trouble): boolean => a.event === b.event && a.subject === b.subject;

/** Counts a failure. What it was about is told as it was found last. */
export function withTrouble(streaks: Streaks, trouble: Trouble, at: string): { streaks: Streaks; streak: Streak } {
  const known = streaks.find((streak) => isSame(streak.trouble, trouble));
  const others = streaks.filter((streak) => streak !== known);
  const streak = { since: at, told: {}, ...known, trouble: { ...trouble }, lastAt: at, count: (known?.count ?? 0) + 1 };
  const kept = others.toSorted((a, b) => (a.lastAt < b.lastAt ? 1 : -1)).slice(0, mostStreaks - 1);
  return { streaks: [streak, ...kept], streak };
}

/** Whether a notifier is to be told: for the first time, because whoever undertook it is gone, or once more. */
export function isDue(told: Told | undefined, at: string, isAlive: (id: string) => boolean): boolean {
  if (told === undefined) return true;
  if (!told.sent) return told.by === '' || !isAlive(told.by);
  const waitMs = remindAfterMs[Math.min(told.times, remindAfterMs.length) - 1] ?? dayMs;
  return Date.parse(at) - Date.parse(told.at) >= waitMs;
}

/** Whether a notifier has heard of it or is about to, and so is to hear of its end. */
export function hasHeard(told: Told | undefined): boolean {
  return told !== undefined && (told.times > 0 || told.by !== '');
}

/** Undertakes to tell these notifiers. */
export function claim(
  streaks: Streaks,
  { trouble }: Streak,
  notifiers: readonly string[],
  by: string,
  at: string,
): Streaks {
  return update(streaks, trouble, ({ told, ...streak }) => {
    const claims = notifiers.map((name) => [name, { at, by, sent: false, times: told[name]?.times ?? 0 }]);
    return { ...streak, told: { ...told, ...(Object.fromEntries(claims) as Record<string, Told>) } };
  });
}

/** Records how that ended. One that can have no end is known no longer when everybody has been told. */
export function settle(streaks: Streaks, trouble: Trouble, notifier: string, sent: boolean): Streaks {
  const settled = update(streaks, trouble, (streak) => {
    const { at = streak.lastAt, times = 0 } = streak.told[notifier] ?? {};
    const told = { at, by: '', sent, times: times + (sent ? 1 : 0) };
    return { ...streak, told: { ...streak.told, [notifier]: told } };
  });
  const isOver = (streak: Streak): boolean =>
    isSame(streak.trouble, trouble) &&
    trouble.event === 'restore.interrupted' &&
    Object.values(streak.told).every((told) => told.sent);
  return settled.filter((streak) => !isOver(streak));
}

/** Takes out what is over. */
export function without(
  streaks: Streaks,
  isOver: (known: KnownTrouble) => boolean,
): { streaks: Streaks; over: Streaks } {
  return { streaks: streaks.filter((streak) => !isOver(streak)), over: streaks.filter(isOver) };
}

function update(streaks: Streaks, trouble: Trouble, change: (streak: Streak) => Streak): Streaks {
  return streaks.map((streak) => (isSame(streak.trouble, trouble) ? change(streak) : streak));
}
