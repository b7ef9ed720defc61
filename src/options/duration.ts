import { z } from 'zod';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const pattern = /^(\d{1,15})(ms|s|m|h|d|w)$/;
const wanted = 'a duration such as "90s", "15m", "24h" or "7d", or whole milliseconds';

/** setTimeout fires at once beyond this, 24.8 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** @returns milliseconds, or NaN for what is no duration */
function toMs(value: string | number): number {
  if (typeof value === 'number') return value;
  const [, count, unit] = pattern.exec(value) ?? [];
  return Number(count) * unitMs[unit as keyof typeof unitMs];
}

/** A duration between two bounds, told in milliseconds. */
export function duration({ leastMs, mostMs }: { leastMs: number; mostMs: number }) {
  const bounds = `between ${leastMs} and ${mostMs} ms`;
  return z
    .union([z.string(), z.number()], wanted)
    .transform(toMs)
    .refine(Number.isSafeInteger, wanted)
    .refine((ms) => !Number.isSafeInteger(ms) || (ms >= leastMs && ms <= mostMs), `a duration ${bounds}`);
}
