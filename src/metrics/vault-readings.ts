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

export interface VaultState {
  /** Newest first. */
  readonly backups: readonly StoredBackup[];
  readonly freeBytes: number | null;
}

export type Readings = Readonly<Partial<Record<MetricName, readonly Sample[]>>>;

/** What the vault says of itself; what it cannot say has no value, which is not the same as 0. */
export function vaultReadings({ backups, freeBytes }: VaultState, now: Date): Readings {
  const verified = backups.filter(({ verification }) => verification?.at != null && verification.ok !== null);
  return {
    vault_readable: one(1),
    ...ofNewest(newestSuccess(backups), now),
    backups: byKind(backups, () => 1),
    stored_bytes: byKind(backups, ({ size }) => size),
    ...(freeBytes !== null && { free_bytes: one(freeBytes) }),
    ...ofLastVerified(verified.reduce<StoredBackup | undefined>(later, undefined)),
    ...ofLongestUnverified(backups.filter(({ kind }) => kind !== null)),
    damaged_backups: one(backups.filter(({ verification }) => verification?.ok === false).length),
  };
}

/** A safety backup belongs to a restore, an uploaded one is of some other day, and a damaged one was no success. */
export function newestSuccess(backups: readonly StoredBackup[]): StoredBackup | undefined {
  return backups.find(
    ({ kind, verification }) => kind !== null && kind !== 'safety' && kind !== 'uploaded' && verification?.ok !== false,
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

function ofLastVerified(backup: StoredBackup | undefined): Readings {
  if (backup === undefined) return {};
  return {
    last_verification_timestamp_seconds: one(verifiedAt(backup)),
    last_verification_ok: one(backup.verification?.ok === true ? 1 : 0),
  };
}

function ofLongestUnverified(backups: readonly StoredBackup[]): Readings {
  if (backups.length === 0) return {};
  const oldest = backups.reduce((found, backup) => Math.min(found, verifiedAt(backup)), Number.POSITIVE_INFINITY);
  return { oldest_verification_timestamp_seconds: one(oldest) };
}

const verifiedAt = ({ verification, createdAt }: StoredBackup): number =>
  Date.parse(verification?.at ?? createdAt) / 1000;

const later = (found: StoredBackup | undefined, backup: StoredBackup): StoredBackup =>
  found !== undefined && verifiedAt(found) >= verifiedAt(backup) ? found : backup;

/** Every kind has a value, so that a kind whose last backup went falls to 0. */
function byKind(backups: readonly StoredBackup[], amount: (backup: StoredBackup) => number): Sample[] {
  const sums = new Map<string, number>([...backupKinds, 'stray'].map((kind) => [kind, 0]));
  for (const backup of backups) {
    const kind = backup.kind ?? 'stray';
    sums.set(kind, (sums.get(kind) ?? 0) + amount(backup));
  }
  return [...sums].map(([kind, value]) => ({ labels: { kind }, value }));
}
