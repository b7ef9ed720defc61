import type { CompareInput, Comparison } from './comparison.js';
import type {
  ImportedFile,
  Snapshot,
  SnapshotInput,
  StagedRestore,
  StageInput,
  VerificationReport,
  VerifyInput,
} from './database-content.js';
import type { Examination, ExamineInput, LiveFacts } from './live-database.js';
import type {
  Rehearsal,
  RehearseInput,
  RestoreInput,
  RestoreOfflineInput,
  RestoreReport,
  RestoreTablesInput,
  SafetyPublication,
} from './restore-report.js';

export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly unit: 'pages' | 'bytes' | 'tables';
}

export interface EngineContext {
  /** An abort ends the work at once and leaves the live database as it was. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** The lock file that the engine's own processes hold too, so that none of them outlives the lock unseen. */
  readonly lockFile: string | null;
}

/** Knows one kind of database. Everything that reads or writes it goes through here. */
export interface Engine {
  readonly name: string;
  /** Extension of its backups, without the dot. */
  readonly extension: string;
  readonly defaultPrefix: string;
  /** The name of the database as people know it, such as the base name of its file. */
  readonly sourceName: string;
  /** What tells this database from another one, as a path or an address; kept in the vault, never shown. */
  readonly identity: string;
  /** Where the live file lies, so that a vault around it can be refused and space be counted; null for a server. */
  readonly liveFile: string | null;
  /** Bytes of the live database with its log. @throws `database_missing` */
  liveBytes(): Promise<number>;
  /** @throws `database_busy`, `database_missing`, `source_damaged`, `insufficient_storage`, `engine_crashed` */
  snapshot(input: SnapshotInput, context: EngineContext): Promise<Snapshot>;
  verify(input: VerifyInput, context: EngineContext): Promise<VerificationReport>;
  /** Whether a file of the host is all of a database, and not the live one. @throws `invalid_request` */
  requireStandAlone(file: string): Promise<void>;
  /** Turns a received file into a standalone database in place and checks it in full. @throws `backup_damaged` */
  normalise(file: string, context: EngineContext): Promise<ImportedFile>;
  stage(input: StageInput, context: EngineContext): Promise<StagedRestore>;
  /** Compares two databases, one of which at least is a backup. @throws `backup_damaged`, `backup_incompatible` */
  compare(input: CompareInput, context: EngineContext): Promise<Comparison>;
  /** Says what is there and changes nothing. @throws `database_busy` */
  examine(input: ExamineInput, context: EngineContext): Promise<Examination>;
  /** A text that is another one after each change of the content; cheap enough for every request. Null: nothing is there. */
  stamp(): Promise<string | null>;
  /** @throws `offline_restore_required`, `database_missing`, `database_busy` */
  inspectLive(context: EngineContext): Promise<LiveFacts>;
  /**
   * Replaces the live content in one transaction. The safety snapshot is published while the write lock is held;
   * nothing is replaced until that is done, and nothing at all if it fails. From winning the lock to the commit
   * nothing waits for the host's event loop.
   */
  restore(input: RestoreInput, publication: SafetyPublication, context: EngineContext): Promise<RestoreReport>;
  /**
   * Replaces the rows of chosen tables in one transaction; the schema and all other tables stay. The safety snapshot is
   * published under the write lock. @throws `backup_incompatible` before anything is changed, with `problems`
   */
  restoreTables(
    input: RestoreTablesInput,
    publication: SafetyPublication,
    context: EngineContext,
  ): Promise<RestoreReport>;
  /**
   * Puts a new file in the place of one that cannot be opened, or is missing. The host has closed its connections. Up to
   * the commit a failure leaves everything as it was. @throws `database_busy` while another process has the file open
   */
  restoreOffline(
    input: RestoreOfflineInput,
    publication: SafetyPublication,
    context: EngineContext,
  ): Promise<RestoreReport>;
  /** Restores into a database of its own, by the same code and in the same way as into the live one. */
  rehearse(input: RehearseInput, context: EngineContext): Promise<Rehearsal>;
  close(): Promise<void>;
}
