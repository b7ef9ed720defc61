/** Whether the process may be ended at this moment, decided in memory that both of its threads share. */
const open = 0;
const closed = 1;
const stopping = 2;
/** The second word: a cancellation came while the gate was closed. */
const wished = 1;

/**
 * Stands between a cancellation, which comes in on the main thread, and a task at a point where it must not be
 * stopped. The decision is made here and not by the host, whose event loop may stand still.
 */
export class StopGate {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** For the main thread: whether the process is to end now. Else it ends when the gate opens, if it does. */
  requestStop(): boolean {
    Atomics.store(this.#words, 1, wished);
    return Atomics.compareExchange(this.#words, 0, open, stopping) === open;
  }

  /** For the task: from here on it is not stopped. @throws when it is being stopped already */
  close(): void {
    if (Atomics.compareExchange(this.#words, 0, open, closed) === stopping)
      throw new Error('The backup process is being ended.');
  }

  /** For the task: it may be stopped again; true when that was asked for meanwhile. */
  reopen(): boolean {
    Atomics.store(this.#words, 0, open);
    return Atomics.load(this.#words, 1) === wished;
  }

  /** For the task: it has ended; what was asked of it does not concern the next one. */
  reset(): void {
    Atomics.store(this.#words, 1, 0);
    Atomics.store(this.#words, 0, open);
  }
}
