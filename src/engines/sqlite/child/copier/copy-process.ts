import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemCode } from '../../../../errors.js';
import type { CopyReply, CopyRequest } from './copy-request.js';

const entry = fileURLToPath(new URL('./copier.js', import.meta.url));
const gone: CopyReply = { ok: false, message: 'The copying process ended before its work was done.', code: undefined };

/** A process beside this one that copies files, one after the other; it is started when it is first needed. */
export class CopyProcess {
  #process: ChildProcess | undefined;
  #queue: Promise<void> = Promise.resolve();

  /** Starts it without waiting, so that it is there when it is needed. */
  warmUp(): ChildProcess {
    this.#process ??= this.#start();
    return this.#process;
  }

  /** @throws an error with the `code` of the file system, or without one when the process could not do it */
  copy(request: CopyRequest): Promise<void> {
    const copied = this.#queue.then(() => this.#askTwice(request));
    this.#queue = copied.catch(() => undefined);
    return copied;
  }

  end(): void {
    if (this.#process?.connected === true) this.#process.disconnect();
    this.#process = undefined;
  }

  /** Whoever waits for the end of this process waits, by the stream that is handed on, for the end of that one too. */
  #start(): ChildProcess {
    const started = fork(entry, [], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const forget = (): void => {
      if (this.#process === started) this.#process = undefined;
    };
    return started.once('exit', forget).on('error', forget);
  }

  /** A process that died while it was idle is replaced; what it may have begun is removed. */
  async #askTwice(request: CopyRequest): Promise<void> {
    const isFree = !existsSync(request.to);
    try {
      await this.#ask(request);
    } catch (error) {
      if (systemCode(error) !== undefined || !isFree) throw error;
      // Its end may be known by a message that did not reach it, before the system tells of it.
      this.end();
      rmSync(request.to, { force: true });
      await this.#ask(request);
    }
  }

  #ask(request: CopyRequest): Promise<void> {
    const process = this.warmUp();
    return new Promise((resolve, reject) => {
      const settle = (reply: CopyReply): void => {
        process.off('message', settle).off('exit', vanish);
        if (reply.ok) resolve();
        else reject(Object.assign(new Error(reply.message), { code: reply.code }));
      };
      const vanish = (): void => settle(gone);
      if (!process.connected) return reject(new Error('The copying process could not be started.'));
      process.on('message', settle).on('exit', vanish);
      process.send(request, (error) => {
        if (error !== null) vanish();
      });
    });
  }
}
