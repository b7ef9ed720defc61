import type { CheckOutcome } from '../engines/database-content.js';
import type { Checks, Finding } from '../health/finding.js';
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
  /** What the restore into a scratch database took; of a `drill` alone. */
  readonly restoreMs?: number;
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
  /** The tables whose rows were replaced, where it was not all of the database. */
  readonly only?: readonly string[];
  /** A long reader keeps the write-ahead log from being emptied for now; the restored content is on the disk. */
  readonly checkpointPending: boolean;
  readonly durationMs: number;
  /** Whether the application must be restarted: its `connection.reopen` failed after the file was replaced. */
  readonly restartRequired: boolean;
}

/** `old`: as before the restore. `new`: as the backup. `unknown`: one of the two, and the application changed its schema since. */
export type LiveContent = 'old' | 'new' | 'unknown';

/** A restore whose process ended before its outcome was known. The live database is all old or all new. */
export interface InterruptedRestore {
  /** Id of the operation, whose record tells the same. */
  readonly operation: string;
  readonly startedAt: string;
  readonly startedBy: string;
  /** The backup that was to be restored. */
  readonly restored: string;
  /** Where the rows of these tables alone were to be replaced. */
  readonly only?: readonly string[] | undefined;
  readonly live: LiveContent;
  /** Holds what the live database had; null when it was not replaced. */
  readonly safetyBackup: string | null;
}

/** What was found of the live database. */
export interface ValidationReport {
  /** Whether no finding is critical. */
  readonly ok: boolean;
  readonly checks: Checks;
  readonly findings: readonly Finding[];
  readonly durationMs: number;
}

/** What `start` found and cleared up. */
export interface StartReport {
  readonly interruptedRestore: InterruptedRestore | null;
  /** Whether `initialize` was called. */
  readonly initialized: boolean;
  readonly validation: ValidationReport;
}

export interface CleanupOutcome {
  readonly dryRun: boolean;
  /** What was removed, or with `dryRun` would be. */
  readonly deleted: readonly RetentionDecision[];
  readonly kept: readonly RetentionDecision[];
  readonly failed: readonly RetentionDecision[];
  readonly freedBytes: number;
}

/** A run of the schedule that did not take place when it was due. */
export interface MissedRun {
  readonly dueAt: string;
  /** When this was found out. */
  readonly foundAt: string;
  /** `still_running`: the run before it took longer. `not_running`: no process of the application was there. */
  readonly reason: 'still_running' | 'not_running';
  /** How many runs were missed, the one of `dueAt` being the first. One backup is made in place of all of them. */
  readonly runs: number;
}

/** A table that had rows in the previous backup and has none in this one. */
export interface ShrunkTable {
  /** The backup in which it was found. */
  readonly filename: string;
  readonly table: string;
  /** Rows in the previous backup. */
  readonly before: number;
  /** Null when the table itself is gone. */
  readonly after: 0 | null;
  /** The previous backup. */
  readonly previous: string;
}

/** There may soon be no room for a backup. Bytes. */
export interface LowDisk {
  readonly freeBytes: number;
  /** What the next two backups are expected to take. */
  readonly neededBytes: number;
}
