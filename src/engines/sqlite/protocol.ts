import type { ErrorCode } from '../../error-table.js';
import type { ErrorFacts } from '../../errors.js';
import type { Progress } from '../engine.js';

/** What a task may ask the host in the middle of its work; it goes on only when the host has answered yes. */
export type Question = 'publish-safety' | 'commit';

export interface RunMessage {
  readonly type: 'run';
  readonly task: string;
  readonly input: unknown;
  readonly lockFile: string | null;
}

export type AnswerMessage =
  | { readonly type: 'answer'; readonly ok: true }
  | { readonly type: 'answer'; readonly ok: false };

export interface SerialisedError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly facts: ErrorFacts;
}

export type ToChild = RunMessage | AnswerMessage;
export type FromChild =
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'ask'; readonly question: Question; readonly payload: unknown }
  | { readonly type: 'result'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: SerialisedError };
