import { randomBytes } from 'node:crypto';
import { BackupError } from '../errors.js';
import { type TroubleEvent, troubleEvents } from '../options/notify-options.js';
import { type Circumstances, composeNotice, composeRecovery, composeTrouble } from './compose.js';
import { DeliveryQueue } from './delivery-queue.js';
import type { EventSource, SourceEvents } from './event-source.js';
import type { LastGoodBackup, Notification, Notifier } from './notifier.js';
import type { KnownTrouble, Occurrence, Trouble } from './occurrence.js';
import { type Pace, usualPace } from './pace.js';
import { readEvent } from './read-event.js';
import type { StreakStore } from './streak-store.js';
import { claim, hasHeard, isDue, type Streak, settle, without, withTrouble } from './streaks.js';

export interface NotificationParts {
  readonly notifiers: readonly Notifier[];
  readonly events: EventSource;
  readonly store: StreakStore;
  readonly database: string;
  readonly host: string;
  readonly clock: () => Date;
  readonly lastGoodBackup: () => Promise<LastGoodBackup | null>;
  /** The id by which others can ask whether this service still lives. */
  readonly instance: () => Promise<string>;
  readonly isAlive: (instance: string) => boolean;
  /** Learns of what was not delivered, and why. */
  readonly fault: (error: unknown) => void;
  readonly pace?: Pace;
}

/** Events come one at a time for each operation; more than this wait only for a vault that does not answer. */
const mostPending = 256;

interface Channel {
  /** Under which the state remembers it. */
  readonly id: string;
  readonly notifier: Notifier;
  readonly queue: DeliveryQueue;
}

/**
 * Tells people what happens. It listens to the events of the service and does the rest by itself, so that no operation
 * waits for it or fails by it. A streak of equal failures is told once, and its end once, by whichever process.
 */
export class Notifications {
  readonly #parts: NotificationParts;
  readonly #pace: Pace;
  readonly #channels: readonly Channel[];
  readonly #stops: readonly (() => void)[];
  /** What streaks say, and what waits for the vault, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #pending = 0;
  readonly #self = `unjoined-${randomBytes(6).toString('hex')}`;

  constructor(parts: NotificationParts) {
    this.#parts = parts;
    this.#pace = parts.pace ?? usualPace;
    this.#channels = parts.notifiers.map((notifier, index) => ({
      id: `${index}-${notifier.name}`,
      notifier,
      queue: new DeliveryQueue(notifier, this.#pace, parts.fault),
    }));
    const names = this.#channels.length === 0 ? [] : (Object.keys(readEvent) as (keyof SourceEvents)[]);
    this.#stops = names.map((name) => this.#listen(name));
  }

  /** Loads what the notifiers need. @throws BackupError `tool_missing` */
  async prepare(): Promise<void> {
    for (const { notifier } of this.#channels) await notifier.prepare?.();
  }

  /** Tells what a process that is gone had undertaken to tell. */
  resume(): void {
    if (this.#streaked().length > 0) this.#enqueue(() => this.#tellUntold());
  }

  /** What is on its way has a short time; the rest is given up, and told after the next start. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#settled();
    await Promise.all(this.#channels.map(({ queue }) => queue.close()));
    await this.#settled();
  }

  #listen<Name extends keyof SourceEvents>(name: Name): () => void {
    return this.#parts.events.on(name, (payload) => {
      const occurrence = readEvent[name](payload);
      const at = this.#parts.clock().toISOString();
      if (Object.keys(occurrence).length > 0) this.#enqueue(() => this.#process(occurrence, at));
    });
  }

  #enqueue(work: () => Promise<void>): void {
    if (this.#pending >= mostPending) {
      const detail = `More than ${mostPending} events wait for the vault; the newest is told to nobody.`;
      this.#parts.fault(new BackupError('notification_failed', detail));
      return;
    }
    this.#pending++;
    this.#work = this.#work
      .then(work)
      .catch(this.#parts.fault)
      .finally(() => this.#pending--);
  }

  async #process({ trouble, notice, recovers, forgets }: Occurrence, at: string): Promise<void> {
    if (notice !== undefined) await this.#send(this.#wanting(notice.event), at, (now) => composeNotice(notice, now));
    if (trouble !== undefined) await this.#tellTrouble(trouble, at);
    if (forgets !== undefined) await this.#end(forgets);
    if (recovers !== undefined) await this.#tellRecovery(recovers, at);
  }

  async #tellTrouble(trouble: Trouble, at: string): Promise<void> {
    const wanting = this.#wanting(trouble.event);
    const once: Streak = { trouble: { ...trouble }, since: at, lastAt: at, count: 1, told: {} };
    await this.#send(
      wanting.filter(({ notifier }) => notifier.everyTime === true),
      at,
      (now) => composeTrouble(once, now),
    );
    const channels = wanting.filter(({ notifier }) => notifier.everyTime !== true);
    if (channels.length === 0) return;
    const by = await this.#id();
    const { streak, due } = await this.#parts.store.change((streaks) => {
      const counted = withTrouble(streaks, trouble, at);
      const due = channels.filter(({ id }) => isDue(counted.streak.told[id], at, this.#isAlive(by)));
      const ids = due.map(({ id }) => id);
      const claimed = due.length === 0 ? counted.streaks : claim(counted.streaks, counted.streak, ids, by, at);
      return { streaks: claimed, result: { streak: counted.streak, due } };
    });
    await this.#sendStreak(streak, due, at);
  }

  async #tellUntold(): Promise<void> {
    const at = this.#now();
    const by = await this.#id();
    const channels = this.#streaked();
    const untold = await this.#parts.store.change((streaks) => {
      const found = streaks.map((streak) => ({
        streak,
        due: channels.filter(({ id, notifier }) => {
          const told = streak.told[id];
          const isUntold = told !== undefined && !told.sent && isDue(told, at, this.#isAlive(by));
          return isUntold && notifier.events.includes(streak.trouble.event);
        }),
      }));
      const result = found.filter(({ due }) => due.length > 0);
      const claimed = result.reduce(
        (all, { streak, due }) =>
          claim(
            all,
            streak,
            due.map(({ id }) => id),
            by,
            at,
          ),
        streaks,
      );
      return { streaks: claimed, result };
    });
    for (const { streak, due } of untold) await this.#sendStreak(streak, due, at);
  }

  #sendStreak(streak: Streak, channels: readonly Channel[], at: string): Promise<void> {
    const { trouble } = streak;
    const compose = (now: Circumstances): Notification => composeTrouble(streak, now);
    return this.#send(channels, at, compose, (id, sent) =>
      this.#enqueue(() =>
        this.#parts.store.change((streaks) => ({
          streaks: settle(streaks, trouble, id, sent),
          result: undefined,
        })),
      ),
    );
  }

  async #tellRecovery(recovers: (known: KnownTrouble) => boolean, at: string): Promise<void> {
    const over = await this.#end(recovers);
    for (const event of troubleEvents) await this.#tellEnd(event, over, at);
  }

  /** Whoever was not told of the trouble does not hear of its end. */
  async #tellEnd(event: TroubleEvent, over: readonly Streak[], at: string): Promise<void> {
    for (const channel of this.#streaked()) {
      const [first, ...rest] = over.filter(
        ({ trouble, told }) => trouble.event === event && hasHeard(told[channel.id]),
      );
      if (first !== undefined) await this.#send([channel], at, (now) => composeRecovery([first, ...rest], now));
    }
  }

  /** Takes out of the state what is over. Where nothing is, which is usual, that costs one look. */
  async #end(isOver: (known: KnownTrouble) => boolean): Promise<readonly Streak[]> {
    if (this.#streaked().length === 0 || !(await this.#parts.store.read()).some(isOver)) return [];
    return this.#parts.store.change((streaks) => {
      const { streaks: left, over } = without(streaks, isOver);
      return { streaks: left, result: over };
    });
  }

  async #send(
    channels: readonly Channel[],
    at: string,
    compose: (circumstances: Circumstances) => Notification,
    settled: (id: string, sent: boolean) => void = () => undefined,
  ): Promise<void> {
    if (channels.length === 0) return;
    const { database, host } = this.#parts;
    const lastGoodBackup = await this.#parts.lastGoodBackup().catch(() => undefined);
    const notification = compose({ database, host, at, lastGoodBackup });
    for (const { id, queue } of channels) queue.add(notification, (sent) => settled(id, sent));
  }

  readonly #wanting = (event: Notification['event']): readonly Channel[] =>
    this.#channels.filter(({ notifier }) => notifier.events.includes(event));

  readonly #streaked = (): readonly Channel[] => this.#channels.filter(({ notifier }) => notifier.everyTime !== true);

  readonly #now = (): string => this.#parts.clock().toISOString();

  /** One that cannot join a vault, as on a full disk, has a name for itself alone. */
  readonly #id = (): Promise<string> => this.#parts.instance().catch(() => this.#self);

  readonly #isAlive =
    (own: string) =>
    (id: string): boolean =>
      id === own || id === this.#self || this.#parts.isAlive(id);

  /** Resolves when no event waits for the vault any more, but not later than the rest has time. */
  async #settled(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#pace.closeMs);
    });
    await Promise.race([this.#work, late]);
    clearTimeout(timer);
  }
}
