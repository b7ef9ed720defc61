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
type SchemaObjects = Readonly<Record<string, string>>;
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

export interface LiveFacts extends DatabaseFacts {
  /** `UTF-8`, `UTF-16le` or `UTF-16be`. */
  readonly textEncoding: string;
  readonly objects: SchemaObjects;
  /** Whether it has no table, as after a start that found no file. */
  readonly isEmpty: boolean;
  /** Rises with a restore, and otherwise only when the application changes the schema. */
  readonly schemaCookie: number;
}

export interface ExamineInput {
  /** Whether the rows of all tables are counted, which takes as long as reading them. */
  readonly count: boolean;
  /** Rows that tables must have: no more of them are counted. */
  readonly minimumRows: Readonly<Record<string, number>>;
  /** Whether it waits until nobody writes: what is not committed cannot be seen. */
  readonly unwritten?: boolean;
}

/** What is there, whatever it is. */
export interface Examination {
  /** `empty`: no bytes, or neither tables nor views. `unreadable`: something is there that is no sound database. */
  readonly state: 'missing' | 'empty' | 'unreadable' | 'readable';
  /** Whether a log lies there without a file that it belongs to: what was in it may be saved. */
  readonly hasLogAlone: boolean;
  /** Ordinary and virtual ones. */
  readonly tables: readonly string[];
  /** Of all tables, where they were counted. */
  readonly rows: TableRows;
  /** Of the tables that must have rows, by the name that was given: how many there are, up to that number. */
  readonly minimums: TableRows;
  /** Tables of which a page that was read is no sound one. */
  readonly damaged: readonly string[];
  /** Null where it cannot be read. */
  readonly userVersion: number | null;
  /** How commits are made durable, such as `wal` or `delete`; null where it cannot be read. */
  readonly journalMode: string | null;
  /** What is known to damage databases in this version of the engine, or null. */
  readonly engineBug: string | null;
  /** What it took, milliseconds. */
  readonly durationMs: number;
}

/** A backup's file, and what it must be. */
export interface StoredFile {
  readonly file: string;
  readonly expected: ExpectedContent;
}

export interface CompareInput {
  /** Null for the live database. */
  readonly from: StoredFile | null;
  readonly to: StoredFile | null;
}

/** Something in the schema that one side has and the other has not, or has otherwise. */
export interface SchemaChange {
  readonly type: 'table' | 'column' | 'index' | 'trigger' | 'view';
  readonly name: string;
  /** The table it belongs to. */
  readonly table: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Its SQL, or of a column its type and constraints; null where it is not there. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Rows by primary key, or by rowid where a table has none; `null` where the table does not exist. */
export interface TableChange {
  readonly name: string;
  readonly rowsFrom: number | null;
  readonly rowsTo: number | null;
  /** In `to` and not in `from`. */
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

export interface Comparison {
  readonly schema: readonly SchemaChange[];
  readonly tables: readonly TableChange[];
}

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

export interface ImportedFile extends Snapshot {
  /** SHA-256 (hex) of the file as it came, before it was turned into a standalone database. */
  readonly receivedSha256: string;
  readonly objects: SchemaObjects;
}

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
