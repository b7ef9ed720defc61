import type { Engine } from '../../engines/engine.js';
import type { Examination } from '../../engines/live-database.js';

/** The file system is asked once in such a time, however many probes there are; a few in a row ask it each. */
const stampMs = 20;
const stampsInARow = 20;
/** Between two looks at the schema. */
const shortestPauseMs = 100;
/** A count that takes longer is made beside the probes, which are told what is known meanwhile. */
const longCountMs = 50;
/** More probes at once do not wait for a look, where the last one is young: answered together they would keep all else waiting. */
const mostWaiting = 4;
const youngMs = 1_000;
/**
 * Counting takes a twentieth of a core at most, and where it is long a hundredth: that is not seen in what the
 * application's requests take. That damage was mended is to be known soon.
 */
const pauseFactors = { short: 20, long: 100, damaged: 1 } as const;
/** A probe waits no longer for the next count. */
const patienceMs = 250;
/** After a look that failed, where nothing has changed since. */
const failurePauseMs = 1_000;
/** The rows of such a database are not counted while the first probe waits. */
const largeBytes = 64 * 1024 ** 2;
/** Counting the rows of a very large database is given up after this time, and tried again after the other. */
const longestCountMs = 30_000;
const countAgainMs = 10 * 60_000;

/** What was seen of the schema, and of what must be there. */
interface Seen {
  readonly found: Examination;
  readonly stamp: string | null;
  readonly at: number;
}

/** What a count has found, and of which stamp. */
type Counted = Pick<Examination, 'rows' | 'damaged'> & { readonly stamp: string | null };

/**
 * What a probe is told of the live database. The child looks only when the file has changed, and counts rows the more
 * seldom the longer that takes, so that a probe each second costs nothing; the application's own process only asks for
 * sizes and times.
 */
export class LiveLook {
  readonly #engine: Engine;
  readonly #minimumRows: Readonly<Record<string, number>>;
  #seen: Seen | undefined;
  #counted: Counted | undefined;
  /** Of these two, for all that ask until one of them changes. */
  #told: Examination | undefined;
  #looking: Promise<Examination> | undefined;
  #waiting = 0;
  #stamping: Promise<string | null> | undefined;
  /** When the next one is due at an even pace: the generic cell rate algorithm (ITU-T I.371, annex A). */
  #stampDue = 0;
  #counting: Promise<void> | undefined;
  #countMs = 0;
  #countFrom = 0;
  #failure: { readonly error: unknown; readonly stamp: string | null; readonly until: number } | undefined;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault hears of each look that fails, once, however many have asked */
  constructor(engine: Engine, minimumRows: Readonly<Record<string, number>>, onFault: (error: unknown) => void) {
    this.#engine = engine;
    this.#minimumRows = minimumRows;
    this.#onFault = onFault;
  }

  /** @throws BackupError `database_busy` while it stays locked; what the engine fails with */
  async read(): Promise<Examination> {
    const stamp = await this.#stamp();
    const now = performance.now();
    const failure = this.#failure;
    if (failure !== undefined && failure.stamp === stamp && now < failure.until) throw failure.error;
    const [seen, told] = [this.#seen, this.#told];
    if (seen === undefined || told === undefined || (seen.stamp === null) !== (stamp === null))
      return this.#lookAfter(0);
    const isCounted = this.#counted?.stamp === stamp || now < this.#countFrom;
    if (seen.stamp === stamp && isCounted) return told;
    if (seen.stamp === stamp && this.#isLong) {
      this.#countBeside();
      return told;
    }
    if (this.#waiting >= mostWaiting && now - seen.at < youngMs) return told;
    const countAt = this.#isLong ? 0 : Math.min(this.#countFrom, now + patienceMs);
    return this.#lookAfter(Math.max(seen.at + shortestPauseMs, countAt) - now);
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
      return await this.#looking;
    } finally {
      this.#waiting--;
    }
  }

  #stamp(): Promise<string | null> {
    const now = performance.now();
    if (this.#stamping !== undefined && this.#stampDue - now > stampMs * stampsInARow) return this.#stamping;
    this.#stampDue = Math.max(this.#stampDue, now) + stampMs;
    this.#stamping = this.#engine.stamp().catch((error: unknown) => this.#unstamped(error));
    return this.#stamping;
  }

  #unstamped(error: unknown): never {
    this.#stampDue = performance.now() + stampMs * stampsInARow + failurePauseMs;
    this.#onFault(error);
    throw error;
  }

  /** What failed is not tried again by the next probe. The stamp is the one from before: a change meanwhile is looked at again. */
  async #remember(): Promise<Examination> {
    const stamp = await this.#engine.stamp();
    try {
      const told = await this.#look(stamp);
      this.#failure = undefined;
      return told;
    } catch (error) {
      this.#failure = { error, stamp, until: performance.now() + failurePauseMs };
      this.#onFault(error);
      throw error;
    }
  }

  async #look(stamp: string | null): Promise<Examination> {
    if (this.#seen === undefined && (await this.#isLarge())) this.#countMs = Number.POSITIVE_INFINITY;
    const [isDue, isLong] = [performance.now() >= this.#countFrom, this.#isLong];
    const counted = isDue && !isLong ? await this.#count(stamp) : null;
    const found = counted ?? (await this.#examine(false));
    this.#seen = { found, stamp, at: performance.now() };
    if (isDue && isLong) this.#countBeside();
    return this.#tell(found);
  }

  /** What was counted before is told until it can be counted again. */
  #tell(found: Examination): Examination {
    const counted = this.#counted;
    this.#told =
      counted === undefined || found.state !== 'readable'
        ? found
        : { ...found, rows: counted.rows, damaged: [...new Set([...found.damaged, ...counted.damaged])] };
    return this.#told;
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
    await this.#count(await this.#engine.stamp());
    if (this.#seen !== undefined) this.#tell(this.#seen.found);
  }

  /** Null when it takes too long. */
  async #count(stamp: string | null): Promise<Examination | null> {
    try {
      const found = await this.#examine(true);
      const { state, rows, damaged, durationMs } = found;
      this.#counted = { rows, damaged, stamp };
      // How long a file that is not there takes says nothing of the one that comes back.
      if (state === 'readable') this.#countMs = durationMs;
      const factor = damaged.length > 0 ? pauseFactors.damaged : this.#isLong ? pauseFactors.long : pauseFactors.short;
      this.#countFrom = performance.now() + factor * durationMs;
      return found;
    } catch (error) {
      const isTooLong = error instanceof Error && error.name === 'TimeoutError';
      this.#countFrom = performance.now() + (isTooLong ? countAgainMs : failurePauseMs);
      if (!isTooLong) throw error;
      this.#countMs = longestCountMs;
      return null;
    }
  }

  #examine(count: boolean): Promise<Examination> {
    const signal = AbortSignal.timeout(longestCountMs);
    const minimumRows = this.#minimumRows;
    return this.#engine.examine({ count, minimumRows }, { signal, onProgress: () => undefined, lockFile: null });
  }
}
