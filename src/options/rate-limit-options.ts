import { z } from 'zod';

const hourMs = 60 * 60_000;

/**
 * The one home of the default limits: so many requests in a window, for each principal; of `failedAuth` so many failed
 * authentications from each address. What costs a copy of the database is rare in earnest use; what only reads is not.
 */
export const rateLimitDefaults = {
  create: { limit: 10, windowMs: hourMs },
  restore: { limit: 10, windowMs: hourMs },
  download: { limit: 60, windowMs: hourMs },
  upload: { limit: 10, windowMs: hourMs },
  verify: { limit: 60, windowMs: hourMs },
  failedAuth: { limit: 20, windowMs: hourMs / 4 },
} as const;

export type LimitName = keyof typeof rateLimitDefaults;

export interface RateRule {
  readonly limit: number;
  readonly windowMs: number;
}

/** More is no limit: `false` says so. */
const mostRequests = 1_000_000;
const shortestWindowMs = 1_000;
const longestWindowMs = 30 * 24 * hourMs;

const ruleOf = (name: LimitName) =>
  z
    .union(
      [
        z.literal(false),
        z.strictObject({
          limit: z.int().min(1).max(mostRequests).default(rateLimitDefaults[name].limit),
          windowMs: z.int().min(shortestWindowMs).max(longestWindowMs).default(rateLimitDefaults[name].windowMs),
        }),
      ],
      { error: '`false`, or an object with `limit` and `windowMs`' },
    )
    .prefault({});

export const rateLimitSchema = z
  .union(
    [
      z.literal(false),
      z.strictObject({
        create: ruleOf('create'),
        restore: ruleOf('restore'),
        download: ruleOf('download'),
        upload: ruleOf('upload'),
        verify: ruleOf('verify'),
        failedAuth: ruleOf('failedAuth'),
      }),
    ],
    { error: '`false`, or an object such as { create: { limit: 10, windowMs: 3600000 } }' },
  )
  .prefault({});

export type RateLimitOptions = z.input<typeof rateLimitSchema>;
export type ParsedRateLimits = z.output<typeof rateLimitSchema>;
