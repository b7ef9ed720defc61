import type { BackupError } from '../errors.js';

interface FailedOperation {
  readonly operation: { readonly type: string; readonly startedAt: string; readonly startedBy: string };
  readonly error: BackupError;
}

interface Verdict {
  readonly filename: string;
  readonly level: string;
  readonly problems: readonly string[];
}

/** The events of the service as far as notifications need them. */
export interface SourceEvents {
  operation: {
    readonly type: string;
    readonly state: string;
    readonly startedAt: string;
    readonly result?: unknown;
  };
  'backup.created': {
    readonly filename: string;
    readonly kind: string | null;
    readonly size: number;
    readonly tables: Readonly<Record<string, number>>;
  };
  'backup.failed': FailedOperation;
  'backup.verified': Verdict;
  'backup.damaged': Verdict;
  'restore.finished': { readonly restored: string; readonly safetyBackup: string };
  'restore.failed': FailedOperation;
  'restore.interrupted': {
    readonly operation: string;
    readonly startedAt: string;
    readonly startedBy: string;
    readonly restored: string;
    readonly live: 'old' | 'new' | 'unknown';
    readonly safetyBackup: string | null;
  };
  'cleanup.finished': {
    readonly dryRun: boolean;
    readonly deleted: readonly { readonly filename: string }[];
    readonly failed: readonly unknown[];
    readonly freedBytes: number;
  };
  'schedule.missed': {
    readonly dueAt: string;
    readonly reason: 'still_running' | 'not_running';
    readonly runs: number;
  };
  'table.shrank': {
    readonly filename: string;
    readonly table: string;
    readonly before: number;
    readonly after: 0 | null;
    readonly previous: string;
  };
  'disk.low': { readonly freeBytes: number; readonly neededBytes: number };
}

/** What tells of events; the service's own is one. */
export interface EventSource {
  on<Name extends keyof SourceEvents>(name: Name, listener: (payload: SourceEvents[Name]) => void): () => void;
}
