import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BackupError } from '../../errors.js';
import type { EngineContext } from '../engine.js';
import type { FromChild, ToChild } from './protocol.js';

export interface ChildTask {
  readonly task: string;
  readonly input: unknown;
  /** It comes to points where it must not be stopped, so it is asked to end instead of being killed. */
  readonly commits?: boolean;
}

/**
 * What a child may see of the host's environment. Never NODE_OPTIONS and the like: hosts run under loaders,
 * inspectors and tracers that are none of the child's business.
 */
const passedVariables = ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SystemRoot', 'TMPDIR', 'TEMP', 'TMP'];
const entry = fileURLToPath(new URL('./child/main.js', import.meta.url));
/** Enough of a crash's last words for the log; a child that talks on cannot fill the host's memory. */
const mostStderrBytes = 8 * 1024;

/**
 * Runs one task in a child process and waits until that process is gone, so that when this settles nothing of it
 * holds a lock or writes a file any more. An abort ends it at once, save while it commits.
 * @throws BackupError the task's own code, `engine_crashed`, or the reason of the abort
 */
export async function runInChild<Result>(childTask: ChildTask, context: EngineContext): Promise<Result> {
  context.signal.throwIfAborted();
  if (!existsSync(entry)) {
    throw new BackupError(
      'tool_missing',
      'The file of the backup process is missing: a bundler has swallowed express-db-backup; mark it as external.',
    );
  }
  const child = fork(entry, [], {
    execArgv: [],
    env: Object.fromEntries(
      passedVariables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  return new Conversation(child, childTask, context).outcome() as Promise<Result>;
}

/** One task's exchange of messages, from its start to the end of the process. */
class Conversation {
  readonly #child: ChildProcess;
  readonly #task: ChildTask;
  readonly #context: EngineContext;
  #last: Extract<FromChild, { type: 'result' | 'error' }> | undefined;
  #committing = false;
  #stderr = '';

  constructor(child: ChildProcess, task: ChildTask, context: EngineContext) {
    this.#child = child;
    this.#task = task;
    this.#context = context;
  }

  async outcome(): Promise<unknown> {
    const { signal, lockFile } = this.#context;
    const abort = (): void => {
      if (this.#task.commits === true) this.#tell({ type: 'cancel' });
      else this.#child.kill('SIGKILL');
    };
    signal.addEventListener('abort', abort);
    try {
      const ended = this.#ended();
      this.#child.on('message', (message: FromChild) => this.#receive(message));
      this.#child.stderr?.on('data', (chunk: Buffer) => {
        if (this.#stderr.length < mostStderrBytes) this.#stderr += chunk.toString('utf8');
      });
      this.#tell({ type: 'run', task: this.#task.task, input: this.#task.input, lockFile });
      return this.#settle(await ended);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #ended(): Promise<string> {
    return new Promise((resolve) => {
      // Its last messages may arrive after its exit, but not after the end of the channel.
      const drained = new Promise<void>((done) => this.#child.once('disconnect', done));
      this.#child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      this.#child.once('exit', (code, signal) => {
        const end = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
        void drained.then(() => resolve(end));
      });
    });
  }

  #receive(message: FromChild): void {
    if (message.type === 'progress') this.#context.onProgress(message.progress);
    else if (message.type === 'committing') this.#committing = true;
    else {
      this.#last = message;
      if (this.#child.connected) this.#child.disconnect();
    }
  }

  /** A child that died meanwhile shows in its exit; that a message could not reach it adds nothing. */
  #tell(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #settle(end: string): unknown {
    if (this.#last?.type === 'result') return this.#last.value;
    if (!this.#committing) this.#context.signal.throwIfAborted();
    if (this.#last?.type === 'error') throw rebuild(this.#last.error);
    throw new BackupError(
      'engine_crashed',
      `The backup process ${end} before its work was done.${this.#committing ? ' It was committing: the live database is all old or all new.' : ''}`,
      {
        cause: new Error(this.#stderr),
      },
    );
  }
}

function rebuild({ code, detail, facts }: Extract<FromChild, { type: 'error' }>['error']): Error {
  return code === 'internal_error' ? new Error(detail) : new BackupError(code, detail, { facts });
}
