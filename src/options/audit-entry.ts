/**
 * What an entry of the audit trail tells of. `read` is any question (list, stats, status, events ...), which is written
 * down only where it was refused, as is `sign_in`, a request that did not prove who asks. Three tell of the trail itself:
 * `rotate` begins a file, `gap` says that entries before it are missing, `lost` that some could not be written down.
 */
export const auditActions = [
  'create',
  'verify',
  'compare',
  'restore',
  'upload',
  'cleanup',
  'remove',
  'download',
  'update',
  'cancel',
  'read',
  'sign_in',
  'rotate',
  'gap',
  'lost',
] as const;
export type AuditAction = (typeof auditActions)[number];

export const auditOutcomes = ['succeeded', 'failed', 'cancelled', 'refused'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** One line of the audit trail. */
export interface AuditEntry {
  /** 1 for the first entry of all, then one more for each. */
  readonly number: number;
  /** When it ended, ISO-8601 UTC; for several alike the last of them. */
  readonly at: string;
  /** Id of the operation, where there was one. */
  readonly operation: string | null;
  readonly action: AuditAction;
  /** Id of the principal, `host` for the application's own code, or null where nobody knows. */
  readonly by: string | null;
  /** Address of the client, or null. */
  readonly from: string | null;
  /** Filename of the backup concerned, or null. */
  readonly file: string | null;
  readonly outcome: AuditOutcome;
  /** The problem's code, or null. */
  readonly code: string | null;
  /** How long it took; for several alike the time from the first to the last. */
  readonly durationMs: number;
  /** How many alike this line stands for. */
  readonly count: number;
  /** SHA-256 (hex) of the line before, without its line feed; 64 zeros in the first line of all. */
  readonly previous: string;
  /** Of a `rotate`: the first entry that is left, and what it has as `previous`. */
  readonly begins?: { readonly number: number; readonly previous: string } | undefined;
  /** Of a `gap`: the last entry that should have been there, or null where nothing says which. */
  readonly expected?: { readonly number: number; readonly sha256: string } | null | undefined;
}
