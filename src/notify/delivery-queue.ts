import { randomUUID } from 'node:crypto';
import { BackupError } from '../errors.js';
import type { DeliveryOutcome, Notification, Notifier } from './notifier.js';
import { type Pace, waitMs } from './pace.js';

interface Item {
  readonly id: string;
  readonly notification: Notification;
  readonly settled: (delivered: boolean) => void;
  readonly isOver: () => Promise<boolean>;
}

const noOutcome: DeliveryOutcome = { delivered: false, retry: false, reason: 'the notifier answered no outcome' };

/** What one notifier has yet to deliver: in order, one at a time, bounded in number, attempts and time. */
export class DeliveryQueue {
  readonly #notifier: Notifier;
  readonly #pace: Pace;
  readonly #fault: (error: BackupError) => void;
  readonly #waiting: Item[] = [];
  #running: Promise<void> | undefined;
  #closing = false;
  #over = false;
  #dropped = 0;
  /** Ends the pause, or the attempt, that is under way. */
  #wake: () => void = () => undefined;
  #abort: () => void = () => undefined;

  constructor(notifier: Notifier, pace: Pace, fault: (error: BackupError) => void) {
    this.#notifier = notifier;
    this.#pace = pace;
    this.#fault = fault;
  }

  /**
   * `settled` is called once: when it was delivered, or when that was given up. `isOver` is asked before it is tried
   * again, and says that it need not be.
   */
  add(
    notification: Notification,
    settled: Item['settled'] = () => undefined,
    isOver: Item['isOver'] = async () => false,
  ): void {
    this.#waiting.push({ id: randomUUID(), notification, settled, isOver });
    if (this.#waiting.length > this.#pace.mostWaiting) this.#dropOldest();
    this.#running ??= this.#drain();
  }

  /** What waits is tried once more, at once; what is not delivered within `closeMs` is given up. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    const deadline = setTimeout(() => {
      this.#over = true;
      this.#abort();
    }, this.#pace.closeMs);
    await this.#running;
    clearTimeout(deadline);
  }

  async #drain(): Promise<void> {
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) await this.#send(item);
    this.#running = undefined;
  }

  async #send(item: Item): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= this.#pace.attempts || this.#closing;
      const outcome = await this.#attempt(item);
      if (outcome.delivered) {
        if (outcome.missed !== undefined) this.#tellFault(item, outcome.missed);
        return item.settled(true);
      }
      if (!outcome.retry || isLast) return this.#giveUp(item, `${outcome.reason} (attempts: ${attempt})`);
      await this.#pause(waitMs(attempt, outcome.retryAfterMs, this.#pace, Math.random()));
      if (await item.isOver()) return item.settled(true);
    }
  }

  /** A notifier that ignores its signal is not waited for either. */
  async #attempt({ id, notification }: Item): Promise<DeliveryOutcome> {
    if (this.#over) return { delivered: false, retry: false, reason: 'the service was closed' };
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = new Promise<DeliveryOutcome>((resolve) => {
      const late = { delivered: false, retry: true, reason: 'no answer in time' } as const;
      signal.addEventListener('abort', () => resolve(late), { once: true });
    });
    this.#abort = () => controller.abort();
    const timer = setTimeout(this.#abort, this.#notifier.attemptMs ?? this.#pace.attemptMs).unref();
    try {
      const outcome = await Promise.race([this.#notifier.deliver(notification, { id, signal }), aborted]);
      // One that the host wrote may answer anything.
      return typeof outcome?.delivered === 'boolean' ? outcome : noOutcome;
    } catch {
      return { delivered: false, retry: true, reason: 'the notifier threw' };
    } finally {
      clearTimeout(timer);
      this.#abort = () => undefined;
    }
  }

  /** The process may end meanwhile: what was not delivered is told after the next start. */
  async #pause(ms: number): Promise<void> {
    if (this.#closing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  #dropOldest(): void {
    const item = this.#waiting.shift();
    if (item !== undefined)
      this.#giveUp(item, `more than ${this.#pace.mostWaiting} wait (dropped: ${++this.#dropped})`);
  }

  #giveUp(item: Item, reason: string): void {
    this.#tellFault(item, reason);
    item.settled(false);
  }

  #tellFault({ notification: { event, status } }: Item, reason: string): void {
    const { name } = this.#notifier;
    const detail = `The notifier ${name} did not deliver ${event} (${status}): ${reason}.`;
    this.#fault(new BackupError('notification_failed', detail, { facts: { notifier: name, event } }));
  }
}
