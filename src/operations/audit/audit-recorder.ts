import type { AuditTrail } from '../../audit/audit-trail.js';
import { type Occurrence, Repeats, type RepeatsLimits } from '../../audit/repeats.js';
import { BackupError } from '../../errors.js';
import type { AuditAction, AuditOutcome } from '../../options/audit-entry.js';
import { isBackupName } from '../../vault/backup-name.js';

/** What somebody did or wanted to do. */
export interface Act {
  readonly action: AuditAction;
  /** Null where nobody knows who. */
  readonly by: string | null;
  /** The address it came from, where there is one. */
  readonly from?: string | null | undefined;
  /** The backup concerned; what is no backup's name is not written down. */
  readonly file?: string | null | undefined;
  readonly operation?: string | undefined;
}

export interface Ending {
  readonly outcome: AuditOutcome;
  /** What it failed with. */
  readonly error?: BackupError | undefined;
  readonly durationMs: number;
}

/**
 * Writes into the audit trail what was done and what was refused. No call fails or rejects: a trail that cannot be
 * written to is told to the host, and stops nothing.
 */
export interface AuditRecorder {
  /** Resolves when the entry is on the disk, or when that takes too long to wait for. */
  ended(act: Act, ending: Ending): Promise<void>;
  /** The same for an operation whose process is gone, unless that has written its entry itself. */
  interrupted(act: Act): Promise<void>;
  /** The same for what may come often: of several alike within a minute only the first is waited for. */
  handedOut(act: Act): Promise<void>;
  /** Something that never began. Nothing is written yet: many alike become one line. An error that an entry tells of already is left out. */
  refused(act: Act, error: BackupError): void;
  /** Writes down what is held back. */
  flush(): Promise<void>;
  /** The same for the last time: from here on nothing is written. */
  close(): Promise<void>;
}

export interface AuditRecorderParts {
  readonly trail: Pick<AuditTrail, 'append' | 'drain'>;
  readonly clock: () => Date;
  /** Whether the vault is there to be written to. Refusals are never what opens it first. */
  readonly isReady: () => Promise<boolean>;
  readonly report: (error: unknown) => void;
}

/** Whoever waits for an answer waits no longer for a disk that does not take the entry; it is written when it does. */
const patienceMs = 5_000;

/**
 * What people without a token can have written: a burst of lines, then one an hour, which is nothing beside what a
 * year holds. People with one are trusted more.
 */
const strangers: RepeatsLimits = { kinds: 64, lines: 200, lineEveryMs: 60 * 60_000 };
const principals: RepeatsLimits = { kinds: 512, lines: 1_000, lineEveryMs: 10 * 60_000 };

/** Between two looks, also while there is no vault to write to. */
const shortestWaitMs = 1_000;

const longestText = 200;
const bounded = (text: string | null | undefined): string | null => text?.slice(0, longestText) ?? null;

export function createAuditRecorder(parts: AuditRecorderParts): AuditRecorder {
  return new Recorder(parts);
}

/** In the place of a recorder where the host wants none. */
export const noRecorder: AuditRecorder = {
  ended: () => Promise.resolve(),
  interrupted: () => Promise.resolve(),
  handedOut: () => Promise.resolve(),
  refused: () => undefined,
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

class Recorder implements AuditRecorder {
  readonly #parts: AuditRecorderParts;
  readonly #strangers: Repeats;
  readonly #principals: Repeats;
  /** Failures that an entry tells of, so that the layers above do not tell of them again. */
  readonly #told = new WeakSet<BackupError>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: AuditRecorderParts) {
    this.#parts = parts;
    const { clock } = parts;
    const now = (): number => performance.now();
    this.#strangers = new Repeats({ limits: strangers, clock, now });
    this.#principals = new Repeats({ limits: principals, clock, now });
  }

  ended(act: Act, ending: Ending): Promise<void> {
    return this.#append(act, ending, { once: false });
  }

  interrupted(act: Act): Promise<void> {
    const error = new BackupError('operation_interrupted');
    return this.#append(act, { outcome: 'failed', error, durationMs: 0 }, { once: true });
  }

  async handedOut(act: Act): Promise<void> {
    const event = occurrence(act, 'succeeded');
    if (this.#principals.isFirst(event)) await this.ended(act, { outcome: 'succeeded', durationMs: 0 });
    else this.#principals.add(event);
    this.#schedule();
  }

  refused(act: Act, error: BackupError): void {
    if (this.#closed || this.#told.has(error)) return;
    this.#told.add(error);
    const repeats = act.by === null ? this.#strangers : this.#principals;
    repeats.add(occurrence(act, outcomeOf(error), error));
    this.#schedule();
  }

  async flush(): Promise<void> {
    await this.#write({ all: true });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#write({ all: true });
    if (await this.#parts.isReady()) await this.#patiently(this.#parts.trail.drain());
  }

  /** One timer for all that is held; it keeps no process alive. */
  #schedule(): void {
    clearTimeout(this.#timer);
    const next = [this.#strangers, this.#principals].flatMap((repeats) => repeats.nextAt() ?? []);
    if (this.#closed || next.length === 0) return;
    const waitMs = Math.max(shortestWaitMs, Math.min(...next) - performance.now());
    this.#timer = setTimeout(() => void this.#write({ all: false }).then(() => this.#schedule()), waitMs).unref();
  }

  async #write(which: { readonly all: boolean }): Promise<void> {
    // What is held stays held where there is no vault yet.
    if (!(await this.#parts.isReady())) return;
    const drafts = [this.#strangers, this.#principals].flatMap((repeats) => repeats.take(which));
    await this.#patiently(Promise.all(drafts.map((draft) => this.#parts.trail.append(draft))));
  }

  #append(act: Act, { outcome, error, durationMs }: Ending, options: { readonly once: boolean }): Promise<void> {
    if (error !== undefined) this.#told.add(error);
    const { operation = null } = act;
    const at = this.#parts.clock().toISOString();
    const draft = { ...occurrence(act, outcome, error), operation, at, durationMs, count: 1 };
    return this.#patiently(this.#parts.trail.append(draft, options));
  }

  /** Of a vault that is refused now everyone is told who asks it for anything. */
  #report(error: unknown): void {
    if (!(error instanceof BackupError) || error.code !== 'vault_refused') this.#parts.report(error);
  }

  async #patiently(writing: Promise<unknown>): Promise<void> {
    const written = writing.then(
      () => undefined,
      (error: unknown) => this.#report(error),
    );
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs).unref();
    });
    await Promise.race([written, patience]);
    clearTimeout(timer);
  }
}

function occurrence(act: Act, outcome: AuditOutcome, error?: BackupError): Occurrence {
  const file = act.file != null && isBackupName(act.file) ? act.file : null;
  const code = error?.code ?? null;
  return { action: act.action, by: bounded(act.by), from: bounded(act.from), file, outcome, code };
}

/** Of what never began. */
function outcomeOf({ code, status }: BackupError): AuditOutcome {
  if (code === 'operation_cancelled') return 'cancelled';
  return status < 500 ? 'refused' : 'failed';
}
