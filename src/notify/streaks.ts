import { z } from 'zod';
import { troubleEvents } from '../options/notify-options.js';
import type { KnownTrouble, Trouble } from './occurrence.js';

const text = z.string().max(2_000);
const instant = z.iso.datetime();
/** The service that undertook to tell; empty when that failed. */
const teller = z.string().regex(/^[\w-]{0,100}$/);

/** How far one notifier has been told of a streak. */
const toldSchema = z.object({
  /** When somebody last undertook to tell it. */
  at: instant,
  by: teller,
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

/** Streaks that ended at once, of which a notifier has yet to be told. */
const endSchema = z.object({
  id: text,
  notifier: text,
  at: instant,
  by: teller,
  over: z.tuple([streakSchema]).rest(streakSchema),
});

/** Bounds what one vault can have wrong at a time; beyond it the one longest unseen is forgotten. */
const most = 100;
export const streakStateSchema = z.object({
  version: z.literal(1),
  streaks: z.array(streakSchema).max(most),
  ends: z.array(endSchema).max(most),
});

/** Equal failures since the last success, and who has been told. */
export type Streak = z.output<typeof streakSchema>;
export type End = z.output<typeof endSchema>;
export type StreakState = z.output<typeof streakStateSchema>;
type Told = z.output<typeof toldSchema>;

export const nothingKnown: StreakState = { version: 1, streaks: [], ends: [] };

/** Who undertakes to tell, when, and which services are there to keep such a word. */
export interface Teller {
  readonly by: string;
  readonly at: string;
  readonly isAlive: (by: string) => boolean;
}

const dayMs = 24 * 60 * 60_000;
/** After the first message, and then after each one. The last holds for all that follow. */
const remindAfterMs = [dayMs, 3 * dayMs, 7 * dayMs] as const;

/** Counts a failure and undertakes to tell of it. What it was about is told as it was found last. */
export function addTrouble(
  state: StreakState,
  trouble: Trouble,
  notifiers: readonly string[],
  teller: Teller,
): { state: StreakState; streak: Streak; due: readonly string[] } {
  const known = state.streaks.find((streak) => isSame(streak.trouble, trouble));
  const { since = teller.at, count = 0, told = {} } = known ?? {};
  const due = notifiers.filter((notifier) => isDue(told[notifier], teller));
  const counted = { trouble: { ...trouble }, since, lastAt: teller.at, count: count + 1, told };
  const streak = claim(counted, due, teller);
  const others = state.streaks.filter((other) => other !== known).toSorted((a, b) => (a.lastAt < b.lastAt ? 1 : -1));
  return { state: { ...state, streaks: [streak, ...others].slice(0, most) }, streak, due };
}

/** Records how that ended. One that can have no end is known no longer when everybody has been told. */
export function settleTrouble(state: StreakState, trouble: Trouble, notifier: string, sent: boolean): StreakState {
  const streaks = state.streaks.map((streak) => {
    if (!isSame(streak.trouble, trouble)) return streak;
    const { at = streak.lastAt, times = 0 } = streak.told[notifier] ?? {};
    const told = { at, by: '', sent, times: times + (sent ? 1 : 0) };
    return { ...streak, told: { ...streak.told, [notifier]: told } };
  });
  const isOver = ({ trouble: { event }, told }: Streak): boolean =>
    event === 'restore.interrupted' && Object.values(told).every(({ sent: done }) => done);
  return { ...state, streaks: streaks.filter((streak) => !isOver(streak)) };
}

/**
 * Takes out what is over and undertakes to tell of it, once for each event. Whoever has not heard of the trouble does
 * not hear of its end. `id` tells these ends from all others.
 */
export function endTroubles(
  state: StreakState,
  isOver: (known: KnownTrouble) => boolean,
  notifiers: readonly string[],
  { by, at }: Teller,
  id: string,
): { state: StreakState; ends: readonly End[] } {
  const over = state.streaks.filter(isOver);
  const streaks = state.streaks.filter((streak) => !isOver(streak));
  const ends = notifiers.flatMap((notifier) =>
    troubleEvents.flatMap((event) => {
      const [first, ...rest] = over.filter(({ trouble, told }) => trouble.event === event && hasHeard(told[notifier]));
      return first === undefined ? [] : [{ id, notifier, at, by, over: [first, ...rest] as End['over'] }];
    }),
  );
  return { state: { ...state, streaks, ends: [...state.ends, ...ends].slice(-most) }, ends };
}

/** One that was not delivered stays, to be told later. */
export function settleEnd(state: StreakState, end: End, sent: boolean): StreakState {
  const isSettled = ({ id, notifier, over: [{ trouble }] }: End): boolean =>
    id === end.id && notifier === end.notifier && trouble.event === end.over[0].trouble.event;
  const ends = state.ends.flatMap((each) => (!isSettled(each) ? [each] : sent ? [] : [{ ...each, by: '' }]));
  return { ...state, ends };
}

/** Undertakes to tell what services that are gone, or that failed, had undertaken. */
export function takeUntold(
  state: StreakState,
  notifiers: readonly string[],
  teller: Teller,
): { state: StreakState; troubles: readonly { streak: Streak; due: readonly string[] }[]; ends: readonly End[] } {
  const troubles = state.streaks.map((streak) => {
    const due = notifiers.filter((notifier) => isUntold(streak.told[notifier], teller));
    return { streak: claim(streak, due, teller), due };
  });
  const isMine = ({ notifier, by }: End): boolean => notifiers.includes(notifier) && isVoid(by, teller);
  const ends = state.ends.map((end) => (isMine(end) ? { ...end, by: teller.by } : end));
  return {
    state: { ...state, streaks: troubles.map(({ streak }) => streak), ends },
    troubles: troubles.filter(({ due }) => due.length > 0),
    ends: ends.filter((_end, index) => isMine(state.ends[index] as End)),
  };
}

export const isSame = (a: Trouble, b: Trouble): boolean => a.event === b.event && a.subject === b.subject;

const isVoid = (by: string, { isAlive }: Teller): boolean => by === '' || !isAlive(by);
const isUntold = (told: Told | undefined, teller: Teller): boolean =>
  told !== undefined && !told.sent && isVoid(told.by, teller);

/** For the first time, because whoever undertook it is gone, or once more. */
function isDue(told: Told | undefined, teller: Teller): boolean {
  if (told === undefined || !told.sent) return told === undefined || isUntold(told, teller);
  const waitMs = remindAfterMs[Math.min(told.times, remindAfterMs.length) - 1] ?? dayMs;
  return Date.parse(teller.at) - Date.parse(told.at) >= waitMs;
}

/** Or is about to hear. */
const hasHeard = (told: Told | undefined): boolean => told !== undefined && (told.times > 0 || told.by !== '');

function claim(streak: Streak, notifiers: readonly string[], { by, at }: Teller): Streak {
  const claims = notifiers.map((name) => [name, { at, by, sent: false, times: streak.told[name]?.times ?? 0 }]);
  return { ...streak, told: { ...streak.told, ...(Object.fromEntries(claims) as Record<string, Told>) } };
}
