import { randomUUID } from 'node:crypto';
import { type ErrorCode, type ErrorRow, errorTable } from './error-table.js';

/** Facts that go into the answer, beside the code: numbers, names, lists. Never a secret, never an absolute path. */
export type ErrorFacts = Readonly<Record<string, unknown>>;

export interface BackupErrorOptions {
  readonly facts?: ErrorFacts;
  readonly cause?: unknown;
  /** Where it is known better than the table knows it. */
  readonly retryAfterSeconds?: number;
}

/**
 * The one error class. `message` says what failed on what; `hint` what to do now.
 *
 * @example
 * try { await service.restore(name) } catch (error) {
 *   if (error instanceof BackupError && error.code === 'database_busy') retryLater();
 * }
 */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  readonly #retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail?: string, options: BackupErrorOptions = {}) {
    super(detail ?? `${errorTable[code].title}.`, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.facts = options.facts ?? {};
    this.#retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
  get retryAfterSeconds(): number | undefined {
    const row: ErrorRow = errorTable[this.code];
    return this.#retryAfterSeconds ?? row.retryAfterSeconds;
  }
  get title(): string {
    return errorTable[this.code].title;
  }
  get hint(): string {
    return errorTable[this.code].hint;
  }
  get exitCode(): number {
    return errorTable[this.code].exitCode;
  }
}

/** A problem as RFC 9457 describes it, with this package's `code` and `hint`, and the facts of the failure. */
export interface Problem {
  readonly [fact: string]: unknown;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly hint: string;
}

/** The one place where the body of an error is built. What only the log may tell stays out of it. */
export function toProblem(error: BackupError): Problem {
  const { code, status, title, hint } = error;
  const detail = code === 'internal_error' ? `${title}.` : error.message;
  return { ...error.facts, type: `urn:express-db-backup:problem:${code}`, title, status, detail, code, hint };
}

const fileSystemFull = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** The SQLite codes come from lock files, the only thing the host's process opens through SQLite. */
const notWritable = /^(EROFS|EACCES|EPERM|SQLITE_CANTOPEN|SQLITE_READONLY)/;

/** Gives any failure its code; one that nothing above can act on becomes `internal_error` with an instance id. */
export function toBackupError(error: unknown): BackupError {
  if (error instanceof BackupError) return error;
  if (fileSystemFull.has(systemCode(error) ?? ''))
    return new BackupError('insufficient_storage', 'The file system of the vault is full.', { cause: error });
  if (notWritable.test(systemCode(error) ?? '')) {
    return new BackupError('vault_read_only', 'The vault, or a part of it, cannot be written to.', { cause: error });
  }
  return new BackupError('internal_error', error instanceof Error ? error.message : String(error), {
    facts: { instance: `urn:uuid:${randomUUID()}` },
    cause: error,
  });
}

/** The `code` of a Node or SQLite error (`ENOSPC`, `SQLITE_BUSY`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
