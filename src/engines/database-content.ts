import type { CheckLevel } from '../options/backup-kind.js';

/** What was read from a database while its content could not change. */
export interface DatabaseFacts {
  /** Bytes: `pageSize * pageCount`. */
  readonly size: number;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly userVersion: number;
  readonly applicationId: number;
  /** SHA-256 (hex) over the SQL of every table, index, trigger and view. */
  readonly schemaSha256: string;
  readonly engineVersion: string;
  /** Of a raw copy: the endings of the logs that were kept beside it. */
  readonly logs?: readonly ('-wal' | '-journal')[];
}

export type CheckOutcome = 'passed' | 'failed' | 'warning' | 'skipped';

/** Triggers and views by name, with the SHA-256 of their SQL: what in a database can run someone's code. */
export type SchemaObjects = Readonly<Record<string, string>>;

/** By table, ordinary or virtual; one that cannot be counted, as its module is not there, is left out. */
export type TableRows = Readonly<Record<string, number>>;

export interface VerificationReport {
  readonly ok: boolean;
  /** Each check with its outcome, in the order they ran. */
  readonly checks: Readonly<Record<string, CheckOutcome>>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** A consistent copy of the live database, as a staged file that is already on the disk (fsync). */
export interface Snapshot {
  readonly size: number;
  readonly sha256: string;
  readonly source: DatabaseFacts;
  readonly tables: TableRows;
  readonly verification: VerificationReport;
  readonly verificationMs: number;
}

export interface SnapshotInput {
  readonly destination: string;
  readonly level: CheckLevel | 'none';
  readonly requiredTables: readonly string[];
}

/** What a backup file must be, from its manifest; `null` where there is no manifest to say. */
export interface ExpectedContent {
  readonly size: number;
  readonly sha256: string;
  readonly schemaSha256: string;
  readonly tables: TableRows;
}

export interface VerifyInput {
  readonly file: string;
  readonly level: CheckLevel;
  readonly expected: ExpectedContent;
}

export interface StageInput {
  readonly file: string;
  readonly destination: string;
  readonly expected: ExpectedContent;
}

/** A private copy that equals the manifest and was checked in full, ready to replace the live database. */
export interface StagedRestore {
  readonly verification: VerificationReport;
  readonly facts: (DatabaseFacts & { readonly textEncoding: string }) | null;
  /** Ordinary and virtual ones. */
  readonly tables: readonly string[];
  readonly objects: SchemaObjects;
}

export interface ImportedFile extends Snapshot {
  /** SHA-256 (hex) of the file as it came, before it was turned into a standalone database. */
  readonly receivedSha256: string;
  readonly objects: SchemaObjects;
}

/** A backup's file, and what it must be. */
export interface StoredFile {
  readonly file: string;
  readonly expected: ExpectedContent;
}
