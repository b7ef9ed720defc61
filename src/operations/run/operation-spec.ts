import type { Operation, OperationType } from '../../coordination/operation.js';
import type { EngineContext } from '../../engines/engine.js';

export interface OperationSpec {
  readonly type: OperationType;
  readonly by: string;
  /** Whether it changes the set of backups or the live database, so that only one may run per vault. */
  readonly exclusive: boolean;
  /** Whether it needs a directory to work in (the default); what only removes can then free a disk with no room for one. */
  readonly stages?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Where the request came from, for the audit. */
  readonly from?: string | null | undefined;
  /** The backup that was asked for, as far as it is known before the operation begins. */
  readonly file?: string | undefined;
  /** What listeners are told when it fails, unless it was cancelled or another one is running. */
  readonly failedEvent?: 'backup.failed' | 'restore.failed';
}

export interface OperationContext {
  readonly operation: Operation;
  readonly signal: AbortSignal;
  /** A private directory inside the vault, gone when the operation ends. */
  readonly staging: string;
  readonly engine: EngineContext;
  phase(name: string): void;
  /** Names the backup that the operation is about, for the audit. */
  concerns(filename: string): void;
}

export type OperationBody<Result> = (context: OperationContext) => Promise<Result>;

/** A promise of the outcome that also tells, as soon as it is known, which operation is running. */
export type OperationRun<Result> = Promise<Result> & { readonly started: Promise<Operation> };
