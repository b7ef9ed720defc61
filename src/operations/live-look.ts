import type { Engine, Examination } from '../engines/engine.js';

/** Between two looks. */
const shortestPauseMs = 100;
/** Looking takes no more of a core than a twentieth. */
const pauseFactor = 20;
/** What takes longer is not waited for again: what is known is told, and known better a moment later. */
const patienceMs = 250;
/** After a look that failed, if it was a short one. */
const failurePauseMs = 1_000;
/** The rows of such a database are not counted while the first probe waits. */
const largeBytes = 64 * 1024 ** 2;
/** Counting the rows of a very large database is given up after this time, and tried again after the other. */
const longestCountMs = 30_000;
const countAgainMs = 10 * 60_000;

interface Known {
  readonly found: Examination;
  readonly stamp: string | null;
  readonly at: number;
}

/**
 * What a probe is told of the live database. The child looks only when the file has changed, and the larger the
 * database is the more seldom, so that a probe each second costs nothing; the application's own process only asks for
 * sizes and times.
 */
export class LiveLook {
  readonly #engine: Engine;
  #known: Known | undefined;
  #looking: Promise<Known> | undefined;
  #stamping: Promise<string | null> | undefined;
  #countFrom = 0;
  #failure: { readonly error: unknown; readonly until: number } | undefined;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault hears of each look that fails, once, however many have asked */
  constructor(engine: Engine, onFault: (error: unknown) => void) {
    this.#engine = engine;
    this.#onFault = onFault;
  }

  /** @throws BackupError `database_busy` when nothing is known yet and it stays locked */
  async read(): Promise<Examination> {
    if (this.#failure !== undefined && performance.now() < this.#failure.until) throw this.#failure.error;
    const stamp = await this.#stamp();
    const known = this.#known;
    if (known === undefined || (known.stamp === null) !== (stamp === null)) return (await this.#lookAfter(0)).found;
    if (known.stamp === stamp) return known.found;
    const pauseMs = Math.max(shortestPauseMs, pauseFactor * known.found.durationMs);
    const waitMs = known.at + pauseMs - performance.now();
    if (waitMs <= patienceMs && known.found.durationMs <= patienceMs) return (await this.#lookAfter(waitMs)).found;
    if (waitMs <= 0) this.#lookAfter(0).catch(() => undefined);
    return known.found;
  }

  /** One at a time, for all that ask meanwhile. */
  #lookAfter(waitMs: number): Promise<Known> {
    this.#looking ??= new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)))
      .then(() => this.#remember())
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  /** Of many probes at once one asks the file system. */
  #stamp(): Promise<string | null> {
    this.#stamping ??= this.#engine.stamp().finally(() => {
      this.#stamping = undefined;
    });
    return this.#stamping;
  }

  /** What failed is not tried again by the next probe. */
  async #remember(): Promise<Known> {
    const startedAt = performance.now();
    try {
      const known = await this.#look();
      this.#failure = undefined;
      return known;
    } catch (error) {
      const now = performance.now();
      this.#failure = { error, until: now + Math.max(failurePauseMs, pauseFactor * (now - startedAt)) };
      this.#onFault(error);
      throw error;
    }
  }

  /** The stamp is the one from before: whatever changes meanwhile is looked at again. */
  async #look(): Promise<Known> {
    const stamp = await this.#engine.stamp();
    const isFirstOfLarge = this.#known === undefined && (await this.#isLarge());
    const counted = performance.now() >= this.#countFrom && !isFirstOfLarge ? await this.#count() : null;
    const found = counted ?? (await this.#examine([]));
    // What was counted before is told until it can be counted again.
    const rows = counted === null && found.state === 'readable' ? (this.#known?.found.rows ?? {}) : found.rows;
    // Nobody waits for what comes then: it is counted beside the probes.
    const durationMs = isFirstOfLarge ? Math.max(found.durationMs, patienceMs + 1) : found.durationMs;
    this.#known = { found: { ...found, rows, durationMs }, stamp: isFirstOfLarge ? '' : stamp, at: performance.now() };
    return this.#known;
  }

  async #isLarge(): Promise<boolean> {
    return (await this.#engine.liveBytes().catch(() => 0)) > largeBytes;
  }

  /** Null when it takes too long. */
  async #count(): Promise<Examination | null> {
    try {
      return await this.#examine('all');
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error;
      this.#countFrom = performance.now() + countAgainMs;
      return null;
    }
  }

  #examine(count: 'all' | readonly string[]): Promise<Examination> {
    const signal = AbortSignal.timeout(longestCountMs);
    return this.#engine.examine({ count }, { signal, onProgress: () => undefined, lockFile: null });
  }
}
