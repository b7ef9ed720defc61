import type { ErrorCode } from '../../error-table.js';
import type { ErrorFacts } from '../../errors.js';
import type { Progress } from '../engine.js';

export interface RunMessage {
  readonly type: 'run';
  readonly task: string;
  readonly input: unknown;
  readonly lockFile: string | null;
}

export interface SerialisedError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly facts: ErrorFacts;
}

/** Ends the process, unless its task is at a point where it must not be stopped. */
export type ToChild = RunMessage | { readonly type: 'cancel' };
export type FromChild =
  | { readonly type: 'begun' }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'committing' }
  | { readonly type: 'result'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: SerialisedError };
