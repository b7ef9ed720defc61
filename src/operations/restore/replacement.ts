import type { StagedRestore, TableRows } from '../../engines/database-content.js';
import type { LiveFacts } from '../../engines/live-database.js';
import type { RestoreReport } from '../../engines/restore-report.js';
import type { Backup } from '../../vault/backup.js';

export interface ReplaceInput {
  readonly filename: string;
  /** The private copy that takes the place of the live content. */
  readonly staged: string;
  readonly source: StagedRestore;
  /** Of the backup, by table. */
  readonly rows: TableRows;
  /** Null when the live database cannot be read. */
  readonly live: LiveFacts | null;
  /** Without which the live database is not accepted afterwards. */
  readonly requiredTables: readonly string[];
  /** The tables whose rows are replaced; all of the database unless told otherwise. */
  readonly tables?: readonly string[] | undefined;
  /** The restore that this one puts back, where it does: its content is what is there now. */
  readonly undoes?: { readonly restored: string; readonly safetyBackup: string };
  /** Notes of the safety backup. */
  readonly notes: string;
}

export interface Replacement {
  readonly report: RestoreReport;
  readonly safety: Backup;
  readonly restartRequired: boolean;
}
