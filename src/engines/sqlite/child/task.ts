import type { Progress } from '../../engine.js';
import type { FromChild, Question, ToChild } from '../protocol.js';

export type ToThread =
  | ToChild
  | { readonly type: 'hashed'; readonly file: string; readonly sha256: string }
  | { readonly type: 'hashed'; readonly file: string; readonly failure: string };
export type FromThread = FromChild | { readonly type: 'hash'; readonly file: string };

export interface TaskContext {
  report(progress: Progress): void;
  /** Resolves when the host says yes; rejects when it says no. */
  ask(question: Question, payload: unknown): Promise<void>;
  /** SHA-256 (hex), computed by the other thread while this one goes on. */
  hash(file: string): Promise<string>;
}

export type Task = (input: never, context: TaskContext) => Promise<unknown>;
