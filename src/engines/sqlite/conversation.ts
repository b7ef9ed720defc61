import { BackupError } from '../../errors.js';
import type { EngineContext } from '../engine.js';
import type { ChildProcess } from './child-process.js';
import type { FromChild } from './protocol.js';

export interface ChildTask {
  readonly task: string;
  readonly input: unknown;
  /** It comes to points where it must not be stopped, so it is asked to end instead of being killed. */
  readonly commits?: boolean;
  /** It reads files that came from elsewhere; a process that did is not used again. */
  readonly foreign?: boolean;
}

/** A process that was asked to end, and is not at a point where it must not, has done so well before this. */
const longestDeafMs = 5_000;

/** One task's exchange of messages with the process that does it. */
export class Conversation {
  readonly child: ChildProcess;
  readonly #task: ChildTask;
  readonly #context: EngineContext;
  #answer: Extract<FromChild, { type: 'result' | 'error' }> | undefined;
  #begun = false;
  #committing = false;

  constructor(child: ChildProcess, task: ChildTask, context: EngineContext) {
    this.child = child;
    this.#task = task;
    this.#context = context;
  }

  /** Whether the process has taken the task on; one that died before has changed nothing. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  /** Whether the process is as good as a new one when the task has succeeded. */
  get leavesNoTrace(): boolean {
    return this.#task.foreign !== true && !this.#context.signal.aborted;
  }

  /**
   * The task's result. When it throws, the process is gone. An abort ends the process at once, save while it commits.
   * @throws BackupError the task's own code, `engine_crashed`, or the reason of the abort
   */
  async result(): Promise<unknown> {
    const { signal, lockFile } = this.#context;
    let patience: NodeJS.Timeout | undefined;
    const abort = (): void => {
      if (this.#task.commits === true) {
        this.child.tell({ type: 'cancel' });
        patience = setTimeout(() => setImmediate(() => this.#endDeaf()), longestDeafMs);
      } else this.child.kill();
    };
    signal.addEventListener('abort', abort);
    try {
      const answered = this.#listen();
      this.child.tell({ type: 'run', task: this.#task.task, input: this.#task.input, lockFile });
      await Promise.race([answered, this.child.ended]);
      if (this.#answer?.type === 'result') return this.#answer.value;
      this.child.disconnect();
      return this.#explain(await this.child.ended);
    } finally {
      signal.removeEventListener('abort', abort);
      clearTimeout(patience);
    }
  }

  /** A process that hears nothing is ended all the same, but not while it commits. */
  #endDeaf(): void {
    if (!this.#committing) this.child.kill();
  }

  /** @returns a promise of the answer, whichever it is */
  #listen(): Promise<void> {
    return new Promise((resolve) => {
      const silence = this.child.listen((message) => {
        if (message.type === 'begun') this.#begun = true;
        else if (message.type === 'progress') this.#context.onProgress(message.progress);
        else if (message.type === 'committing') this.#committing = true;
        else {
          this.#answer = message;
          silence();
          resolve();
        }
      });
    });
  }

  #explain(end: string): never {
    if (!this.#committing) this.#context.signal.throwIfAborted();
    if (this.#answer?.type === 'error') throw rebuild(this.#answer.error);
    const state = this.#committing ? ' It was committing: the live database is all old or all new.' : '';
    throw new BackupError('engine_crashed', `The backup process ${end} before its work was done.${state}`, {
      cause: new Error(this.child.lastWords),
    });
  }
}

function rebuild({ code, detail, facts }: Extract<FromChild, { type: 'error' }>['error']): Error {
  return code === 'internal_error' ? new Error(detail) : new BackupError(code, detail, { facts });
}
