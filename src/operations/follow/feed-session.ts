import { type Operation, toOperation } from '../../coordination/operation.js';
import type { OperationsLog } from '../../coordination/operations-log.js';
import { createOperationsWatch, type OperationsWatch } from '../../coordination/operations-watch.js';
import type { OperationParts } from '../operation-parts.js';
import { readStatus } from '../status/read-status.js';
import { compareBackups, verdictOf } from './backup-news.js';
import { type FeedEvent, type Notice, noticeNames } from './feed-event.js';
import { OperationNews, type ToldOperation } from './operation-news.js';
import { measurePace } from './progress-pace.js';

export interface FeedParts extends OperationParts {
  readonly log: OperationsLog;
}

/** How often progress that was held back is passed on. */
const tickMs = 250;
/** Every second tick the other processes are looked at, which write twice in this time. */
const ticksBetweenLooks = 2;
/** Another process may have ended an operation before this, and its end be seen only now. */
const seenLateMs = 5_000;

/** Everything that is watched while somebody reads: the events of this service, and the records of the others. */
export class FeedSession {
  /** Resolves when the other processes and the vault were looked at for the first time. */
  readonly begun: Promise<void>;
  readonly #parts: FeedParts;
  readonly #tell: (event: FeedEvent) => void;
  readonly #news = new OperationNews((operation) => this.#told(operation));
  readonly #watch: OperationsWatch;
  readonly #compareBackups: ReturnType<typeof compareBackups>;
  readonly #release: (() => void)[];
  #comparing: Promise<void> = Promise.resolve();
  #looking = false;
  #ticks = 0;
  #faulty = false;
  #ended = false;

  constructor(parts: FeedParts, tell: (event: FeedEvent) => void) {
    this.#parts = parts;
    this.#tell = tell;
    this.#watch = createOperationsWatch(parts.place.stateDirectory, parts.log);
    this.#compareBackups = compareBackups(() => parts.vault.list());
    const timer = setInterval(() => this.#tick(), tickMs).unref();
    this.#release = [
      () => clearInterval(timer),
      parts.events.on('operation', this.#own),
      ...noticeNames.map((type) =>
        parts.events.on(type, (facts) => this.#say({ name: 'notice', data: { type, ...facts } as Notice })),
      ),
    ];
    parts.runner.running().forEach(this.#own);
    this.begun = Promise.all([this.#look(), this.#compareBackups()]).then(() => undefined);
    this.begun.catch(() => undefined);
  }

  /** What a new reader must know: the state as it is, and of operations that ended since then how they did. */
  async state(since: Date | undefined): Promise<FeedEvent[]> {
    const at = this.#now();
    const status = await readStatus(this.#parts);
    const ended = since === undefined ? [] : await this.#endedSince(since);
    // From here on nothing is waited for: what changes later is told later.
    const operations = [...ended, ...this.#news.running()];
    return [
      { at, name: 'status', data: status },
      ...operations.map((data) => ({ at, name: 'operation', data }) as const),
    ];
  }

  end(): void {
    this.#ended = true;
    for (const release of this.#release.splice(0)) release();
  }

  readonly #own = (operation: Operation): void => {
    this.#watch.leaveOut(operation.id);
    this.#news.changed(operation);
  };

  readonly #now = (): string => this.#parts.clock().toISOString();

  #say(event: Omit<FeedEvent, 'at'>): void {
    if (!this.#ended) this.#tell({ at: this.#now(), ...event } as FeedEvent);
  }

  #told(data: ToldOperation): void {
    this.#say({ name: 'operation', data });
    if (data.state === 'running') return;
    const verdict = verdictOf(data);
    if (verdict !== null) this.#say({ name: 'backup', data: verdict });
    // One look after the other: each tells what has changed since the one before.
    else this.#comparing = this.#comparing.then(() => this.#tellOfBackups());
  }

  async #tellOfBackups(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.begun;
      for (const data of await this.#compareBackups()) this.#say({ name: 'backup', data });
    } catch (error) {
      this.#parts.runner.told(error);
    }
  }

  #tick(): void {
    this.#news.flush();
    this.#ticks++;
    if (this.#ticks % ticksBetweenLooks === 0 && !this.#looking) void this.#lookAgain();
  }

  /** A fault is told to the host once, until there is none any more. */
  async #lookAgain(): Promise<void> {
    this.#looking = true;
    try {
      await this.#look();
      this.#faulty = false;
    } catch (error) {
      if (!this.#faulty && !this.#ended) this.#parts.runner.told(error);
      this.#faulty = true;
    } finally {
      this.#looking = false;
    }
  }

  async #look(): Promise<void> {
    const { changed, gone } = await this.#watch.look();
    for (const record of changed) this.#news.changed(toOperation(record));
    gone.forEach((id) => {
      this.#news.forget(id);
    });
  }

  async #endedSince(since: Date): Promise<ToldOperation[]> {
    const from = since.getTime() - seenLateMs;
    const endedAt = ({ finishedAt }: Operation): number => (finishedAt === null ? 0 : Date.parse(finishedAt));
    return (await this.#parts.log.list())
      .map(toOperation)
      .filter((operation) => operation.state !== 'running' && endedAt(operation) >= from)
      .sort((a, b) => endedAt(a) - endedAt(b))
      .map((operation) => ({ ...operation, progress: measurePace()(operation, performance.now()) }));
  }
}
