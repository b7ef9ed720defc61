import type { CheckOutcome } from '../engines/engine.js';
import type { VerificationLevel } from '../options/backup-kind.js';
import type { RetentionDecision } from '../vault/retention.js';

export interface VerifyOutcome {
  readonly filename: string;
  readonly ok: boolean;
  readonly level: VerificationLevel;
  /** What is wrong, in sentences; empty when `ok`. */
  readonly problems: readonly string[];
  /** What an operator should know but is no damage, such as rows that refer to missing rows. */
  readonly warnings: readonly string[];
  readonly checks: Readonly<Record<string, CheckOutcome>>;
  readonly durationMs: number;
}

/** What a restore answers. Names are filenames in the vault. */
export interface Receipt {
  readonly restored: string;
  /** Holds every commit the live database had acknowledged when it was replaced. */
  readonly safetyBackup: string;
  readonly checks: Readonly<Record<string, CheckOutcome>>;
  /** Rows before and after, by table; `null` where the table did not exist. */
  readonly tables: Readonly<Record<string, { readonly before: number | null; readonly after: number | null }>>;
  readonly warnings: readonly string[];
  /** A long reader keeps the write-ahead log from being emptied for now; the restored content is on the disk. */
  readonly checkpointPending: boolean;
  readonly durationMs: number;
  /** Whether the application must reopen its connections; never for a live restore of SQLite. */
  readonly restartRequired: boolean;
}

export interface CleanupOutcome {
  readonly dryRun: boolean;
  /** What was removed, or with `dryRun` would be. */
  readonly deleted: readonly RetentionDecision[];
  readonly kept: readonly RetentionDecision[];
  readonly failed: readonly RetentionDecision[];
  readonly freedBytes: number;
}
