import type { ClientRateLimitInfo, Store } from 'express-rate-limit';

/**
 * Callers that are remembered at a time, an entry of about 200 bytes each. Only an attacker has more addresses than
 * this; the windows that began first are then forgotten.
 */
const mostCallers = 10_000;

interface Count {
  hits: number;
  /** By the clock of `Date.now()`. */
  readonly endsAt: number;
}

const infoOf = ({ hits, endsAt }: Count): ClientRateLimitInfo => ({ totalHits: hits, resetTime: new Date(endsAt) });

/** Counts in fixed windows, in bounded memory and without a timer. */
export class LimitStore implements Store {
  /** Its keys are known to no other store. */
  readonly localKeys = true;
  readonly #windowMs: number;
  /** In the order in which their windows end. */
  readonly #counts = new Map<string, Count>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get(key: string): ClientRateLimitInfo | undefined {
    const count = this.#current(key);
    return count && infoOf(count);
  }

  increment(key: string): ClientRateLimitInfo {
    const count = this.#current(key) ?? this.#begin(key);
    count.hits++;
    return infoOf(count);
  }

  decrement(key: string): void {
    const count = this.#current(key);
    if (count === undefined) return;
    count.hits--;
    if (count.hits <= 0) this.#counts.delete(key);
  }

  /** Takes back one count of the window that ends then, unless that window is over. */
  giveBack(key: string, endsAt: Date | undefined): void {
    if (this.#current(key)?.endsAt === endsAt?.getTime()) this.decrement(key);
  }

  resetKey(key: string): void {
    this.#counts.delete(key);
  }

  /** A window that would end later than a whole one from now was begun by a clock that has been set back since. */
  #current(key: string): Count | undefined {
    const count = this.#counts.get(key);
    const now = Date.now();
    return count !== undefined && count.endsAt > now && count.endsAt <= now + this.#windowMs ? count : undefined;
  }

  #begin(key: string): Count {
    const count = { hits: 0, endsAt: Date.now() + this.#windowMs };
    this.#counts.delete(key);
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > mostCallers && oldest !== undefined) this.#counts.delete(oldest);
    return count;
  }
}
