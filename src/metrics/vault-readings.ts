import { backupKinds } from '../options/backup-kind.js';
import { type MetricName, one, type Sample } from './metric-table.js';

/** Of a backup, what the metrics tell. Instants ISO-8601, sizes in bytes. */
export interface StoredBackup {
  /** Null for a stray file. */
  readonly kind: string | null;
  readonly createdAt: string;
  readonly size: number;
  readonly verification: { readonly ok: boolean | null; readonly at: string | null } | null;
}

export type Readings = Readonly<Partial<Record<MetricName, readonly Sample[]>>>;

/** What the vault says of itself, its backups newest first; what it cannot say has no value, which is not the same as 0. */
export function vaultReadings(backups: readonly StoredBackup[], freeBytes: number | null, now: Date): Readings {
  return {
    vault_readable: one(1),
    ...ofNewest(newestSuccess(backups, now), now),
    backups: byKind(backups, () => 1),
    stored_bytes: byKind(backups, ({ size }) => size),
    ...(freeBytes !== null && { free_bytes: one(freeBytes) }),
    ...ofVerifications(backups),
    damaged_backups: byKind(backups, ({ verification }) => (verification?.ok === false ? 1 : 0)),
  };
}

/**
 * A safety backup belongs to a restore, an uploaded one is of some other day, a damaged one was no success, and the age of
 * one that a clock made that was ahead says nothing.
 */
function newestSuccess(backups: readonly StoredBackup[], now: Date): StoredBackup | undefined {
  return backups.find(
    ({ kind, verification, createdAt }) =>
      kind !== null &&
      kind !== 'safety' &&
      kind !== 'uploaded' &&
      verification?.ok !== false &&
      Date.parse(createdAt) <= now.getTime(),
  );
}

function ofNewest(newest: StoredBackup | undefined, now: Date): Readings {
  if (newest === undefined) return {};
  const madeAt = Date.parse(newest.createdAt) / 1000;
  return {
    last_success_timestamp_seconds: one(madeAt),
    last_success_age_seconds: one(now.getTime() / 1000 - madeAt),
    last_success_size_bytes: one(newest.size),
  };
}

/** One that was never verified has waited since it was made; a stray file has nothing it could be compared with. */
function ofVerifications(backups: readonly StoredBackup[]): Readings {
  let last: { readonly at: number; readonly ok: boolean } | undefined;
  let oldest = Number.POSITIVE_INFINITY;
  for (const { kind, createdAt, verification } of backups) {
    const at = Date.parse(verification?.at ?? createdAt) / 1000;
    // A damaged one is not verified again, and told of by itself.
    if (kind !== null && verification?.ok !== false) oldest = Math.min(oldest, at);
    const ok = verification?.at == null ? null : verification.ok;
    if (ok !== null && at > (last?.at ?? Number.NEGATIVE_INFINITY)) last = { at, ok };
  }
  return {
    ...(last !== undefined && {
      last_verification_timestamp_seconds: one(last.at),
      last_verification_ok: one(last.ok ? 1 : 0),
    }),
    ...(oldest !== Number.POSITIVE_INFINITY && { oldest_verification_timestamp_seconds: one(oldest) }),
  };
}

/** Every kind has a value, so that a kind whose last backup went falls to 0. */
function byKind(backups: readonly StoredBackup[], amount: (backup: StoredBackup) => number): Sample[] {
  const sums = new Map<string, number>([...backupKinds, 'stray'].map((kind) => [kind, 0]));
  for (const backup of backups) {
    const kind = backup.kind ?? 'stray';
    sums.set(kind, (sums.get(kind) ?? 0) + amount(backup));
  }
  return [...sums].map(([kind, value]) => ({ labels: { kind }, value }));
}
