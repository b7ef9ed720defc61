import type { AuditAction, AuditOutcome } from '../options/audit-entry.js';
import type { AuditDraft } from './audit-line.js';

/** What happened once. Its texts have a bound, since so many of them are kept. */
export interface Occurrence {
  readonly action: AuditAction;
  readonly by: string | null;
  readonly from: string | null;
  readonly file: string | null;
  readonly outcome: AuditOutcome;
  readonly code: string | null;
}

export interface RepeatsLimits {
  /** So many kinds are told apart at a time; more are told of together, without `by`, `from` and `file`. */
  readonly kinds: number;
  /** So many lines may be written at once ... */
  readonly lines: number;
  /** ... and one more for every so many milliseconds. */
  readonly lineEveryMs: number;
}

export interface RepeatsParts {
  readonly limits: RepeatsLimits;
  readonly clock: () => Date;
  /** Milliseconds on a clock that nobody sets. */
  readonly now: () => number;
}

/** A first one is held so long, for others like it to come. */
const firstMs = 1_000;
/** And those that follow it. */
const windowMs = 60_000;

interface Held {
  readonly event: Occurrence;
  count: number;
  first: number;
  last: number;
  dueAt: number;
}

/**
 * Makes one line of many events of the same kind within a minute, and few lines of many kinds: in bounded memory, and
 * at a bounded rate in the long run, so that nobody fills the trail, and pushes out what is older, by asking often.
 */
export class Repeats {
  readonly #parts: RepeatsParts;
  readonly #held = new Map<string, Held>();
  #lines: number;
  #countedAt: number;

  constructor(parts: RepeatsParts) {
    this.#parts = parts;
    this.#lines = parts.limits.lines;
    this.#countedAt = parts.now();
  }

  add(event: Occurrence): void {
    const held = this.#place(event);
    const at = this.#parts.clock().getTime();
    if (held.count === 0) held.first = at;
    held.count++;
    held.last = at;
  }

  /** Whether nothing of this kind happened within a minute; from now on it has. For what is written down by itself. */
  isFirst(event: Occurrence): boolean {
    if (this.#held.has(keyOf(event))) return false;
    if (this.#held.size < this.#parts.limits.kinds) this.#place(event).dueAt = this.#parts.now() + windowMs;
    return true;
  }

  /** Lines whose time has come, or with `all` every one that is held; as many as the limits allow. */
  take({ all = false }: { all?: boolean } = {}): AuditDraft[] {
    this.#earn();
    const now = this.#parts.now();
    const due = [...this.#held].filter(([, { dueAt }]) => all || dueAt <= now);
    for (const [key, { count, dueAt }] of due) if (count === 0 && dueAt <= now) this.#held.delete(key);
    const waiting = due.flatMap(([, held]) => (held.count > 0 ? held : []));
    const written = waiting.length <= this.#lines ? waiting : this.#together(waiting).slice(0, Math.floor(this.#lines));
    this.#lines -= written.length;
    return written.map((held) => this.#toDraft(held, now));
  }

  /** When `take` should be called next, on the clock of `now`; undefined while nothing is held. */
  nextAt(): number | undefined {
    if (this.#held.size === 0) return undefined;
    const dueAt = Math.min(...[...this.#held.values()].map((held) => held.dueAt));
    if (this.#lines >= 1) return dueAt;
    return Math.max(dueAt, this.#countedAt + (1 - this.#lines) * this.#parts.limits.lineEveryMs);
  }

  #place(event: Occurrence): Held {
    const known = this.#held.get(keyOf(event));
    if (known !== undefined) return known;
    const { kinds } = this.#parts.limits;
    const told = this.#held.size < kinds ? event : anonymous(event);
    const dueAt = this.#parts.now() + firstMs;
    const held = this.#held.get(keyOf(told)) ?? { event: told, count: 0, first: 0, last: 0, dueAt };
    this.#held.set(keyOf(told), held);
    return held;
  }

  /** More kinds than lines: of each action and code one line for all who did it. */
  #together(waiting: readonly Held[]): Held[] {
    for (const held of waiting) {
      const key = keyOf(anonymous(held.event));
      if (key === keyOf(held.event)) continue;
      const sum = this.#held.get(key) ?? { ...held, event: anonymous(held.event), count: 0 };
      sum.first = sum.count === 0 ? held.first : Math.min(sum.first, held.first);
      sum.last = Math.max(sum.last, held.last);
      sum.count += held.count;
      this.#held.set(key, sum);
      this.#held.delete(keyOf(held.event));
    }
    const sums = new Set(waiting.map(({ event }) => this.#held.get(keyOf(anonymous(event)))));
    return [...sums].flatMap((held) => held ?? []).sort((a, b) => b.count - a.count);
  }

  #toDraft(held: Held, now: number): AuditDraft {
    const { event, count, first, last } = held;
    held.count = 0;
    held.dueAt = now + windowMs;
    return { ...event, operation: null, at: new Date(last).toISOString(), durationMs: last - first, count };
  }

  #earn(): void {
    const { lines, lineEveryMs } = this.#parts.limits;
    const now = this.#parts.now();
    this.#lines = Math.min(lines, this.#lines + (now - this.#countedAt) / lineEveryMs);
    this.#countedAt = now;
  }
}

const keyOf = ({ action, by, from, file, outcome, code }: Occurrence): string =>
  JSON.stringify([action, by, from, file, outcome, code]);

const anonymous = (event: Occurrence): Occurrence => ({ ...event, by: null, from: null, file: null });
