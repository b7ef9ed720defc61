import { z } from 'zod';
import type { BackupKind } from './backup-kind.js';
import { duration } from './duration.js';

/** What stays when nothing else is said. */
export const retentionDefaults = { keep: 7, safety: { keep: 3 } } as const;

/** A larger count is a mistake, not a policy. */
const count = z.int().min(1).max(100_000).optional();
const longestAgeMs = 100 * 366 * 86_400_000;

const rules = {
  /** So many of the newest. */
  keep: count,
  /** The newest one of each of so many hours, days, ISO weeks, months, years (UTC) that have any. */
  hourly: count,
  daily: count,
  weekly: count,
  monthly: count,
  yearly: count,
  /** Bytes that all of them may take; the oldest go first. */
  maxTotalSize: z.int().min(1).optional(),
  /** Whatever else is said, none goes that is younger. */
  minAge: duration({ leastMs: 1, mostMs: longestAgeMs }).optional(),
};
const limits = ['keep', 'hourly', 'daily', 'weekly', 'monthly', 'yearly', 'maxTotalSize'] as const;
const kindRules = z.strictObject(rules).refine((given) => limits.some((limit) => given[limit] !== undefined), {
  error: `at least one of ${limits.join(', ')}`,
});

/**
 * A limit that is not set is no limit; where none at all is set, the default is. Kinds have rules of their own or
 * share these, and are counted each by itself; `maxTotalSize` out here is for the whole vault.
 */
export const retentionSchema = z
  .strictObject({
    ...rules,
    safety: kindRules.default(retentionDefaults.safety),
    manual: kindRules.optional(),
    scheduled: kindRules.optional(),
    pre_migration: kindRules.optional(),
    uploaded: kindRules.optional(),
  })
  .prefault({})
  .transform((given) =>
    limits.some((limit) => given[limit] !== undefined) ? given : { ...given, keep: retentionDefaults.keep },
  );

export interface RetentionRules {
  readonly keep?: number | undefined;
  readonly hourly?: number | undefined;
  readonly daily?: number | undefined;
  readonly weekly?: number | undefined;
  readonly monthly?: number | undefined;
  readonly yearly?: number | undefined;
  /** Bytes. */
  readonly maxTotalSize?: number | undefined;
  /** Milliseconds. */
  readonly minAge?: number | undefined;
}

export type RetentionPolicy = RetentionRules & { readonly [kind in BackupKind]?: RetentionRules | undefined };
