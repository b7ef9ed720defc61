import { fork, type ChildProcess as NodeChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BackupError } from '../../errors.js';
import type { FromChild, ToChild } from './protocol.js';

/**
 * What a child may see of the host's environment. Never NODE_OPTIONS and the like: hosts run under loaders,
 * inspectors and tracers that are none of the child's business.
 */
const passedVariables = ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SystemRoot', 'TMPDIR', 'TEMP', 'TMP'];
const entry = fileURLToPath(new URL('./child/main.js', import.meta.url));
/** Enough of a crash's last words for the log; a child that talks on cannot fill the host's memory. */
const mostStderrCharacters = 8 * 1024;
/** A process it started dies with it, unless it hangs in the system or was stopped; it has no file of its own then. */
const longestStraggleMs = 5_000;

/** One process of the engine, from its start to its end. */
export class ChildProcess {
  readonly #process: NodeChildProcess;
  /** How it ended; resolves when it and every process it started are gone and its last message was heard. */
  readonly ended: Promise<string>;
  #hasEnded = false;
  #stderr = '';

  /** @throws BackupError `tool_missing` */
  constructor() {
    if (!existsSync(entry)) {
      throw new BackupError(
        'tool_missing',
        'The file of the backup process is missing: a bundler has swallowed express-db-backup; mark it as external.',
      );
    }
    this.#process = fork(entry, [], {
      execArgv: [],
      env: Object.fromEntries(
        passedVariables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
      ),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-mostStderrCharacters);
    });
    this.ended = this.#end().finally(() => {
      this.#hasEnded = true;
    });
  }

  get isAlive(): boolean {
    return !this.#hasEnded && this.#process.connected && this.#process.exitCode === null;
  }

  /** The last it wrote to its standard error. */
  get lastWords(): string {
    return this.#stderr;
  }

  /** One that died meanwhile shows in its end; that a message could not reach it adds nothing. */
  tell(message: ToChild): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  /** @returns a function that stops listening */
  listen(listener: (message: FromChild) => void): () => void {
    this.#process.on('message', listener);
    return () => void this.#process.off('message', listener);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** It ends itself when the channel closes. */
  disconnect(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  /** Whether the host's process is kept alive by it. */
  keepHostAlive(wanted: boolean): void {
    const { channel, stderr } = this.#process;
    for (const handle of [this.#process, channel, stderr as Socket | null]) {
      if (wanted) handle?.ref();
      else handle?.unref();
    }
  }

  /** Node has an event for all of this, `close`, but does not emit it after a disconnect from this side. */
  #end(): Promise<string> {
    return new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(`could not be started: ${error.message}`));
      // Its last messages may arrive after its exit, but not after the end of the channel.
      const drained = new Promise<void>((done) => this.#process.once('disconnect', done));
      // Processes that it started write to the same stream.
      const alone = new Promise<void>((done) => this.#process.stderr?.once('close', done));
      this.#process.once('exit', (code, signal) => {
        const end = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
        const patience = setTimeout(() => this.#process.stderr?.destroy(), longestStraggleMs);
        void Promise.all([drained, alone]).then(() => {
          clearTimeout(patience);
          resolve(end);
        });
      });
    });
  }
}
