import { constants } from 'node:os';
import { BackupError } from '../errors.js';

/** SIGHUP is of a terminal that went away, as with a connection. */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** npm passes on a Ctrl-C that the terminal has sent to everybody already: what comes so close is the same one. */
const echoMs = 500;

/** Somebody wants a command to end: at first with all that it does undone, and when asked again at once. */
export class Interruption {
  readonly #asked = new AbortController();
  readonly #endNow: (code: number) => void;
  #code = 128 + constants.signals.SIGINT;
  #lastAt = Number.NEGATIVE_INFINITY;
  #hurry: (() => void) | undefined;

  constructor(endNow: (code: number) => void) {
    this.#endNow = endNow;
    for (const name of names) process.on(name, this.#hear);
  }

  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /** As shells tell of a process that the signal ended. */
  get code(): number {
    return this.#code;
  }

  /** Takes the next request after the first one, while there is a way to be quicker than by what is under way. */
  onHurry(hurry: (() => void) | undefined): void {
    this.#hurry = hurry;
  }

  stop(): void {
    for (const name of names) process.off(name, this.#hear);
  }

  readonly #hear = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (now - this.#lastAt < echoMs) return;
    this.#lastAt = now;
    if (!this.signal.aborted) {
      this.#code = 128 + constants.signals[name];
      this.#asked.abort(new BackupError('operation_cancelled', 'It was interrupted.'));
      return;
    }
    const hurry = this.#hurry;
    this.#hurry = undefined;
    if (hurry === undefined) this.#endNow(128 + constants.signals[name]);
    else hurry();
  };
}
