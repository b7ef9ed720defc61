import type { Progress } from '../../engine.js';
import type { FromChild, RunMessage } from '../protocol.js';

export type ToThread =
  | RunMessage
  | { readonly type: 'hashed'; readonly file: string; readonly sha256: string }
  | { readonly type: 'hashed'; readonly file: string; readonly failure: string };
export type FromThread = FromChild | { readonly type: 'hash'; readonly file: string };

export interface TaskContext {
  report(progress: Progress): void;
  /** Does work that must not be stopped half-way; a cancellation that comes meanwhile takes effect after it. */
  unstoppable<Result>(work: () => Promise<Result>): Promise<Result>;
  /** From here on the task cannot be cancelled any more. */
  commit(): void;
  /** SHA-256 (hex), computed by the other thread while this one goes on. */
  hash(file: string): Promise<string>;
}

export type Task = (input: never, context: TaskContext) => Promise<unknown>;
