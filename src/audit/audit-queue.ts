import type { AuditDraft } from './audit-line.js';
import { systemDraft } from './audit-line.js';
import { mostAtATime } from './trail-end.js';

/** An entry that waits to be written. */
export interface Queued {
  readonly draft: AuditDraft;
  /** Whether it is left out where its operation has an entry already. */
  readonly once: boolean;
}

/** Lines of one append, but for the one that may tell of a gap. */
const batchSize = mostAtATime - 1;
/** So many wait for a disk that cannot be written to; of more only the number is kept. */
const mostWaiting = 1_000;

interface Waiting extends Queued {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Entries on their way to the disk, in the order in which they came. What could not be written stays, and is written
 * before whatever comes next.
 */
export class AuditQueue {
  readonly #write: (batch: readonly Queued[]) => Promise<void>;
  readonly #clock: () => Date;
  #waiting: Waiting[] = [];
  #lost = 0;
  #draining: Promise<void> | undefined;

  /** @param write rejects when nothing of the batch was written */
  constructor(write: (batch: readonly Queued[]) => Promise<void>, clock: () => Date) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Resolves when the entry is on the disk. @throws what kept it from there; it is tried again with the next one */
  add(queued: Queued): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      if (this.#waiting.length < mostWaiting) this.#waiting.push({ ...queued, resolve, reject });
      else {
        this.#lost++;
        reject(new Error('Too many entries wait for the audit trail; this one is only counted.'));
      }
    });
    this.drain().catch(() => undefined);
    return written;
  }

  /** Resolves when nothing waits any more. @throws what keeps it from being written */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<void> {
    // Those that are asked for in the same breath go together.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#lost > 0) {
      const batch = this.#waiting.slice(0, batchSize);
      const lost = batch.length < batchSize ? this.#lost : 0;
      try {
        await this.#write([...batch, ...this.#lostEntry(lost)]);
      } catch (error) {
        for (const { reject } of this.#waiting) reject(error);
        this.#draining = undefined;
        throw error;
      }
      this.#lost -= lost;
      this.#waiting.splice(0, batch.length);
      for (const { resolve } of batch) resolve();
    }
    // Without a pause after the last look: what is added from here on begins anew.
    this.#draining = undefined;
  }

  #lostEntry(count: number): Queued[] {
    if (count === 0) return [];
    return [{ draft: { ...systemDraft('lost', this.#clock()), outcome: 'failed', count }, once: false }];
  }
}
