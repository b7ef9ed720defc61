import type { Readable } from 'node:stream';
import type { AuditCheck } from '../audit/check-chain.js';
import type { AuditPage } from '../audit/read-entries.js';
import type { Operation } from '../coordination/operation.js';
import type { BackupError } from '../errors.js';
import type { EventListeners } from '../events/event-listeners.js';
import type { CleanupOutcome, Receipt, StartReport, ValidationReport, VerifyOutcome } from '../events/outcomes.js';
import type { ServiceEvents } from '../events/service-events.js';
import type { DatabaseState } from '../health/assess-database.js';
import type { HealthReport } from '../health/verdict.js';
import type { BackupKind } from '../options/backup-kind.js';
import type { RetentionPolicy } from '../options/retention.js';
import type { ParsedServiceOptions } from '../options/service-options.js';
import type { OpenFile } from '../storage/storage.js';
import type { Backup } from '../vault/backup.js';
import type { Act } from './audit/audit-recorder.js';
import type { AuditInput } from './audit/read-audit.js';
import type { CleanupInput } from './backups/clean-up.js';
import type { CompareOutcome } from './backups/compare-backups.js';
import type { CreateInput } from './backups/create-backup.js';
import type { ImportInput } from './backups/import-backup.js';
import type { EventReader } from './follow/feed-event.js';
import type { GuardedMigration, GuardInput } from './migrate/guard-migration.js';
import type { Caller } from './operation-parts.js';
import type { Replaced } from './restore/last-replaced.js';
import type { RestoreInput } from './restore/restore-backup.js';
import type { OperationRun } from './run/operation-spec.js';
import type { VerifyInput } from './verify/verify-backup.js';

export interface ListInput {
  /** At most so many, 1 to 500; 50 unless told otherwise. */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly kind?: BackupKind | undefined;
  /** By `createdAt`; `desc`, the newest first, unless told otherwise. */
  readonly order?: 'asc' | 'desc' | undefined;
}

export interface BackupList {
  readonly backups: readonly Backup[];
  /** How many there are without `limit` and `offset`. */
  readonly total: number;
}

export interface Schedule {
  readonly enabled: boolean;
  readonly nextRunAt: string | null;
  readonly lastRunAt: string | null;
}

export interface BackupStats {
  readonly totalBackups: number;
  /** Bytes. */
  readonly totalSize: number;
  readonly byKind: Readonly<Record<string, { readonly count: number; readonly size: number }>>;
  readonly newest: Backup | null;
  readonly oldest: Backup | null;
  readonly lastVerifiedAt: string | null;
  readonly retention: RetentionPolicy;
  readonly schedule: Schedule;
  readonly freeBytes: number | null;
  /** Always null: no path leaves the server. */
  readonly directory: null;
}

export interface ServiceStatus {
  readonly operation: Operation | null;
  readonly schedule: Schedule;
  /** Whether a restore is replacing the live content at this moment, or waits for the lock to do so. */
  readonly maintenance: boolean;
}

export interface OpenBackup {
  readonly backup: Backup;
  readonly file: OpenFile;
}

export interface BackupChange {
  readonly notes?: string | null | undefined;
  readonly pinned?: boolean | undefined;
}

/** A private directory inside the vault for a file that is still coming in. */
export interface Reservation {
  readonly path: string;
  /** Refuses to begin when `bytes` do not fit, and says so when the disk fills up meanwhile. @throws `insufficient_storage` */
  fill<Result>(bytes: number, work: () => Promise<Result>): Promise<Result>;
  release(): Promise<void>;
}

/**
 * Every operation as a method, with no HTTP in it. Each rejects with a `BackupError`; names are filenames, or `latest`
 * for the newest completed backup that is not a safety backup. Works without `start()`.
 */
export interface BackupService {
  /**
   * Takes a verified backup of the live database while it is in use.
   * @throws `operation_in_progress`, `database_missing`, `database_busy`, `source_damaged`, `insufficient_storage`
   */
  create(input?: CreateInput): OperationRun<Backup>;
  /** @throws `invalid_request` */
  list(input?: ListInput): Promise<BackupList>;
  stats(): Promise<BackupStats>;
  /** @throws `invalid_filename`, `backup_not_found` */
  get(filename: string): Promise<Backup>;
  /** A stream of a backup's bytes; until it ends or is destroyed the backup is not removed. @throws `backup_not_found` */
  open(filename: string, caller?: Caller): Promise<Readable>;
  /** The same for who needs the size, or a part: close the file or read it. The audit tells only of `open`. @throws `backup_not_found` */
  openFile(filename: string): Promise<OpenBackup>;
  /** Checks a stored backup; a damaged one is an answer with `ok: false`. @throws `backup_not_found`, `deadline_exceeded` */
  verify(filename: string, input?: VerifyInput): OperationRun<VerifyOutcome>;
  /**
   * Replaces the content of the live database, with a safety backup that misses no commit. No connection is closed.
   * @throws `backup_damaged`, `backup_incompatible`, `untrusted_objects`, `database_busy`, `offline_restore_required`, `restore_rolled_back`
   */
  restore(filename: string, input?: RestoreInput): OperationRun<Receipt>;
  /**
   * The safety backup in which the last restore left what it replaced, and the tables where it were only some: to restore
   * that is to undo it, and can be undone in the same way. @throws `backup_not_found`
   */
  lastReplaced(): Promise<Replaced>;
  /** Makes a backup of a file from elsewhere, after it passed every check. @throws `backup_damaged` */
  importFile(file: string, input?: ImportInput): OperationRun<Backup>;
  /** Changes notes or the pin, which keeps a backup from being removed. @throws `backup_not_found` */
  update(filename: string, change: BackupChange, caller?: Caller): Promise<Backup>;
  /** @throws `backup_pinned`, `backup_in_use`, `backup_not_found` */
  remove(filename: string, caller?: Caller): OperationRun<{ readonly filename: string; readonly freedBytes: number }>;
  /**
   * What is different between two databases, `from` being the one that came first; each is a backup's name, `latest`
   * or `live`. @throws `backup_not_found`, `backup_damaged`
   */
  compare(from: string, to: string, caller?: Caller): OperationRun<CompareOutcome>;
  cleanup(input?: CleanupInput): OperationRun<CleanupOutcome>;
  status(): Promise<ServiceStatus>;
  /** Whether the live database and its backups are well, at a cost that does not grow with how often it is asked. */
  health(): Promise<HealthReport>;
  /**
   * Runs a migration with a verified backup before it, and looks at what it made of the database.
   * @throws `migration_failed`, with `backup`, `restored` and `command`; those of a create, and then nothing was migrated
   */
  guardMigration<Result>(
    migrate: () => Result | Promise<Result>,
    input?: GuardInput,
  ): Promise<GuardedMigration<Result>>;
  /** What is in the place of the live database. */
  examine(): Promise<DatabaseState>;
  /** Looks whether the live database is what the application needs. What is wrong is an answer, not an error. */
  validate(): Promise<ValidationReport>;
  /** @throws `operation_not_found` */
  operation(id: string): Promise<Operation>;
  /** Asks a running operation, in whichever process, to stop and undo itself. @throws `operation_not_found` */
  cancel(id: string, caller?: Caller): Promise<Operation>;
  /** Who did what, the newest entry first. @throws `invalid_request` */
  audit(input?: AuditInput): Promise<AuditPage>;
  /** Names the first line of the audit that was altered, is missing, or stands in another place. */
  verifyAudit(): Promise<AuditCheck>;
  /** @returns a function that ends the subscription */
  on: EventListeners<ServiceEvents>['on'];
  /**
   * Tells a reader how operations go and what becomes of backups, in every process that works on the vault: first the
   * state as it is, with the operations that ended after `since`, then each change.
   * @returns a function that ends it
   */
  follow(reader: EventReader, since?: Date): Promise<() => void>;
  reserveStaging(): Promise<Reservation>;
  /** Shows `look` a file in the vault that says nothing, to find out whether the application would hand it out; null when none could be made. */
  probe(look: (file: string) => Promise<boolean>): Promise<boolean | null>;
  /**
   * Opens the vault, clears up what a crash left, tells what a restore that was interrupted left, validates the live
   * database, and begins what is done unattended. Safe to call again.
   * @throws `vault_refused`, `database_invalid` with `onInvalid: 'throw'`, what `initialize` throws
   */
  start(): Promise<StartReport>;
  /** Whether a restore is replacing the live content now: always exact for this service, at most 100 ms late for another process. */
  underMaintenance(): boolean;
  /** Cancels what runs, waits until it is undone, and leaves the vault. Safe to call again. */
  close(): Promise<void>;
  readonly limits: ParsedServiceOptions['limits'];
  /** For what only the layer above knows of: a backup that is handed out, a request that is refused. Neither fails. */
  readonly audited: {
    handedOut(filename: string, caller: Caller): Promise<void>;
    refused(act: Act, error: BackupError): void;
  };
  /** Gives a failure its code; the cause of one that nobody can act on is told to the listeners of `internal.error` alone. */
  report(error: unknown): BackupError;
}
