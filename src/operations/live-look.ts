import type { Engine, Examination } from '../engines/engine.js';

/** Of the probes within such a time one asks the file system. */
const stampMs = 5;
/** Between two looks at the schema. */
const shortestPauseMs = 100;
/** A count that takes longer is made beside the probes, which are told what is known meanwhile. */
const longCountMs = 50;
/** More probes at once do not wait for a look, where the last one is young: answered together they would keep all else waiting. */
const mostWaiting = 4;
const youngMs = 1_000;
/** Counting takes a twentieth of a core at most, and where it is long a hundredth: that is not seen in what the application's requests take. */
const pauseFactors = { short: 20, long: 100 } as const;
/** A probe waits no longer for the next count. */
const patienceMs = 250;
/** After a look that failed, where nothing has changed since. */
const failurePauseMs = 1_000;
/** The rows of such a database are not counted while the first probe waits. */
const largeBytes = 64 * 1024 ** 2;
/** Counting the rows of a very large database is given up after this time, and tried again after the other. */
const longestCountMs = 30_000;
const countAgainMs = 10 * 60_000;

interface Known {
  readonly found: Examination;
  readonly stamp: string | null;
  /** The stamp of what was counted. */
  readonly rowsStamp: string | null;
  readonly at: number;
}

/**
 * What a probe is told of the live database. The child looks only when the file has changed, and counts rows the more
 * seldom the longer that takes, so that a probe each second costs nothing; the application's own process only asks for
 * sizes and times.
 */
export class LiveLook {
  readonly #engine: Engine;
  #known: Known | undefined;
  #looking: Promise<Known> | undefined;
  #waiting = 0;
  #stamping: { readonly until: number; readonly stamp: Promise<string | null> } | undefined;
  #counting: Promise<void> | undefined;
  #countMs = 0;
  #countFrom = 0;
  #failure: { readonly error: unknown; readonly stamp: string | null; readonly until: number } | undefined;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault hears of each look that fails, once, however many have asked */
  constructor(engine: Engine, onFault: (error: unknown) => void) {
    this.#engine = engine;
    this.#onFault = onFault;
  }

  /** @throws BackupError `database_busy` while it stays locked; what the engine fails with */
  async read(): Promise<Examination> {
    const stamp = await this.#stamp();
    const now = performance.now();
    const failure = this.#failure;
    if (failure !== undefined && failure.stamp === stamp && now < failure.until) throw failure.error;
    const known = this.#known;
    if (known === undefined || (known.stamp === null) !== (stamp === null)) return this.#lookAfter(0);
    if (known.stamp === stamp && (known.rowsStamp === stamp || now < this.#countFrom)) return known.found;
    if (known.stamp === stamp && this.#isLong) {
      this.#countBeside();
      return known.found;
    }
    if (this.#waiting >= mostWaiting && now - known.at < youngMs) return known.found;
    const countAt = this.#isLong ? 0 : Math.min(this.#countFrom, now + patienceMs);
    return this.#lookAfter(Math.max(known.at + shortestPauseMs, countAt) - now);
  }

  get #isLong(): boolean {
    return this.#countMs > longCountMs;
  }

  /** One at a time, for all that ask meanwhile. */
  async #lookAfter(waitMs: number): Promise<Examination> {
    this.#looking ??= new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)))
      .then(() => this.#remember())
      .finally(() => {
        this.#looking = undefined;
      });
    this.#waiting++;
    try {
      return (await this.#looking).found;
    } finally {
      this.#waiting--;
    }
  }

  #stamp(): Promise<string | null> {
    const now = performance.now();
    if (this.#stamping === undefined || now >= this.#stamping.until)
      this.#stamping = { until: now + stampMs, stamp: this.#engine.stamp() };
    return this.#stamping.stamp;
  }

  /** What failed is not tried again by the next probe. The stamp is the one from before: a change meanwhile is looked at again. */
  async #remember(): Promise<Known> {
    const stamp = await this.#engine.stamp();
    try {
      this.#known = await this.#look(stamp);
      this.#failure = undefined;
      return this.#known;
    } catch (error) {
      this.#failure = { error, stamp, until: performance.now() + failurePauseMs };
      this.#onFault(error);
      throw error;
    }
  }

  async #look(stamp: string | null): Promise<Known> {
    const before = this.#known;
    if (before === undefined && (await this.#isLarge())) this.#countMs = Number.POSITIVE_INFINITY;
    const [isDue, isLong] = [performance.now() >= this.#countFrom, this.#isLong];
    const counted = isDue && !isLong ? await this.#count() : null;
    if (counted !== null) return { found: counted, stamp, rowsStamp: stamp, at: performance.now() };
    const found = await this.#examine([]);
    if (isDue && isLong) this.#countBeside();
    // What was counted before is told until it can be counted again.
    const rows = found.state === 'readable' ? (before?.found.rows ?? {}) : found.rows;
    return { found: { ...found, rows }, stamp, rowsStamp: before?.rowsStamp ?? '', at: performance.now() };
  }

  async #isLarge(): Promise<boolean> {
    return (await this.#engine.liveBytes().catch(() => 0)) > largeBytes;
  }

  /** Nobody waits for it. */
  #countBeside(): void {
    this.#counting ??= this.#countAndKeep()
      .catch(this.#onFault)
      .finally(() => {
        this.#counting = undefined;
      });
  }

  async #countAndKeep(): Promise<void> {
    const rowsStamp = await this.#engine.stamp();
    const counted = await this.#count();
    if (counted === null || this.#known === undefined) return;
    this.#known = { ...this.#known, found: { ...this.#known.found, rows: counted.rows }, rowsStamp };
  }

  /** Null when it takes too long. */
  async #count(): Promise<Examination | null> {
    try {
      const counted = await this.#examine('all');
      this.#countMs = counted.durationMs;
      const factor = this.#isLong ? pauseFactors.long : pauseFactors.short;
      this.#countFrom = performance.now() + factor * counted.durationMs;
      return counted;
    } catch (error) {
      const isTooLong = error instanceof Error && error.name === 'TimeoutError';
      this.#countFrom = performance.now() + (isTooLong ? countAgainMs : failurePauseMs);
      if (!isTooLong) throw error;
      this.#countMs = longestCountMs;
      return null;
    }
  }

  #examine(count: 'all' | readonly string[]): Promise<Examination> {
    const signal = AbortSignal.timeout(longestCountMs);
    return this.#engine.examine({ count }, { signal, onProgress: () => undefined, lockFile: null });
  }
}
