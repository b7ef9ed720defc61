import type { Operation } from '../coordination/operation.js';
import type { BackupError } from '../errors.js';
import type { Backup } from '../vault/backup.js';
import type {
  CleanupOutcome,
  InterruptedRestore,
  LowDisk,
  MissedRun,
  Receipt,
  ShrunkTable,
  ValidationReport,
  VerifyOutcome,
} from './outcomes.js';

export type { Operation };

/** What `service.on` can be asked for. */
export interface ServiceEvents {
  /** An operation began, made progress, or ended. */
  operation: Operation;
  'backup.created': Backup;
  'backup.failed': { readonly operation: Operation; readonly error: BackupError };
  'backup.verified': VerifyOutcome;
  'backup.damaged': VerifyOutcome;
  'restore.finished': Receipt;
  'restore.failed': { readonly operation: Operation; readonly error: BackupError };
  /** Told by the start, or the restore, that found it. */
  'restore.interrupted': InterruptedRestore;
  'database.validated': ValidationReport;
  'cleanup.finished': CleanupOutcome;
  'schedule.missed': MissedRun;
  'table.shrank': ShrunkTable;
  'disk.low': LowDisk;
  /** A fault that the caller was told of by its instance id alone; the cause is here and nowhere else. */
  'internal.error': { readonly instance: string | null; readonly error: unknown };
}
