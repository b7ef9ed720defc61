import type { Progress } from '../../engine.js';
import type { FromChild, RunMessage } from '../protocol.js';
import type { CopyRequest } from './copier/copy-request.js';

/** Work that a task has done elsewhere, while its own thread waits or goes on. */
export type Errand =
  | { readonly kind: 'hash'; readonly file: string }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'prepare copy' }
  | ({ readonly kind: 'copy' } & CopyRequest)
  | { readonly kind: 'task'; readonly task: string; readonly input: unknown };

export interface SystemFault {
  readonly message: string;
  readonly code: string | undefined;
}

export type ToThread =
  | RunMessage
  | { readonly type: 'done'; readonly errand: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly errand: number; readonly fault: SystemFault };
export type FromThread = FromChild | { readonly type: 'errand'; readonly id: number; readonly errand: Errand };

export interface TaskContext {
  report(progress: Progress): void;
  /** Does work that must not be stopped half-way; a cancellation that comes meanwhile takes effect after it. */
  unstoppable<Result>(work: () => Promise<Result>): Promise<Result>;
  /** From here on the task cannot be cancelled any more. */
  commit(): void;
  /** SHA-256 (hex) of a file, computed in the process's main thread. */
  hash(file: string): Promise<string>;
  /** Brings a file to the disk (fsync) in the process's main thread. */
  sync(file: string): Promise<void>;
  /** Says that a copy will be wanted soon. */
  prepareCopy(): void;
  /** Copies a file in a process of its own: closing its descriptors drops no lock that this process holds. */
  copy(request: CopyRequest): Promise<void>;
  /** Runs a task in another thread of this process, with a connection of its own. */
  beside<Result>(task: string, input: object): Promise<Result>;
}

export type Task = (input: never, context: TaskContext) => Promise<unknown>;
