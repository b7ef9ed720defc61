import type { CheckOutcome, TableRows, VerificationReport } from './database-content.js';

export interface RestoreInput {
  /** A staged file of this engine's own making; it may be changed. */
  readonly source: string;
  readonly safetyDestination: string;
  readonly requiredTables: readonly string[];
  readonly waitMs: number;
}

export interface RestoreTablesInput extends Omit<RestoreInput, 'requiredTables'> {
  readonly tables: readonly string[];
  /** By so much its commit raises the schema cookie, by which an interrupted one is told. */
  readonly raisesCookieBy: number;
}

export interface RestoreOfflineInput {
  /** A staged file of this engine's own making. */
  readonly source: string;
  readonly safetyDestination: string;
  /** A free path beside the live file; after a crash something may lie there. */
  readonly incoming: string;
  readonly requiredTables: readonly string[];
}

/**
 * Publishes the safety snapshot from whatever process holds the write lock of the live database. The host's own event
 * loop may stand still at that moment: a write of the application in the same process waits for that very lock.
 */
export interface SafetyPublication {
  /** URL of a module that exports `publishSafety(input, snapshot)`, a promise of what `RestoreReport.safety` is to be. */
  readonly module: string;
  /** Plain data. */
  readonly input: unknown;
}

export interface RestoreReport {
  /** What the publication of the safety snapshot resolved to. */
  readonly safety: unknown;
  readonly checks: Readonly<Record<string, CheckOutcome>>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly tablesBefore: TableRows;
  readonly tablesAfter: TableRows;
  /** A long reader keeps the write-ahead log from being emptied; the restored content is durable all the same. */
  readonly checkpointPending: boolean;
}

export interface RehearseInput {
  /** A staged file of this engine's own making; it may be changed. */
  readonly source: string;
  /** A free path for a database that nobody else uses, and one for what it held before. */
  readonly scratch: string;
  readonly safetyDestination: string;
  readonly requiredTables: readonly string[];
}

export interface Rehearsal {
  readonly report: VerificationReport;
  /** What the restore took, from its first step to its check. */
  readonly restoreMs: number;
}
