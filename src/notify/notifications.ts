import { randomBytes } from 'node:crypto';
import { BackupError } from '../errors.js';
import type { EventListeners } from '../events/event-listeners.js';
import type { ServiceEvents } from '../events/service-events.js';
import { type Channel, openChannels, wanting } from './channel.js';
import { type Circumstances, composeNotice, composeTrouble } from './compose.js';
import type { LastGoodBackup, Notification, Notifier } from './notifier.js';
import type { Occurrence, Trouble } from './occurrence.js';
import { type Pace, usualPace } from './pace.js';
import { readEvent } from './read-event.js';
import type { StreakStore } from './streak-store.js';
import { StreakTeller } from './streak-teller.js';
import type { Teller } from './streaks.js';

export interface NotificationParts {
  readonly notifiers: readonly Notifier[];
  readonly events: EventListeners<ServiceEvents>;
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

/**
 * Tells people what happens. It listens to the events of the service and does the rest by itself, so that no operation
 * waits for it or fails by it. A streak of equal failures is told once, and its end once, by whichever process.
 */
export class Notifications {
  readonly #parts: NotificationParts;
  readonly #pace: Pace;
  readonly #channels: readonly Channel[];
  readonly #streaks: StreakTeller;
  readonly #stops: readonly (() => void)[];
  #again: NodeJS.Timeout | undefined;
  /** What waits for the vault, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #pending = 0;
  /** One that cannot join a vault, as on a full disk, has a name for itself alone. */
  readonly #self = `unjoined-${randomBytes(6).toString('hex')}`;

  constructor(parts: NotificationParts) {
    this.#parts = parts;
    this.#pace = parts.pace ?? usualPace;
    this.#channels = openChannels(parts.notifiers, this.#pace, parts.fault);
    this.#streaks = new StreakTeller({
      store: parts.store,
      channels: this.#channels.filter(({ notifier }) => notifier.everyTime !== true),
      teller: this.#teller,
      circumstances: this.#circumstances,
      later: this.#later,
    });
    const names = this.#channels.length === 0 ? [] : (Object.keys(readEvent) as (keyof typeof readEvent)[]);
    this.#stops = names.map((name) => this.#listen(name));
  }

  /** Loads what the notifiers need. @throws BackupError `tool_missing` */
  async prepare(): Promise<void> {
    for (const { notifier } of this.#channels) await notifier.prepare?.();
  }

  /** Tells, now and every hour, what a process that is gone had undertaken to tell and what could not be delivered. */
  resume(): void {
    if (this.#channels.length === 0) return;
    const tell = (): void => this.#later(() => this.#streaks.tellUntold(this.#now()));
    tell();
    clearInterval(this.#again);
    this.#again = setInterval(tell, this.#pace.againMs).unref();
  }

  /** What is on its way has a short time; the rest is given up, and told after the next start. */
  async close(): Promise<void> {
    clearInterval(this.#again);
    for (const stop of this.#stops) stop();
    await this.#settled();
    await Promise.all(this.#channels.map(({ queue }) => queue.close()));
    await this.#settled();
    for (const { notifier } of this.#channels) await this.#end(notifier);
  }

  /** It may be the host's own. */
  async #end(notifier: Notifier): Promise<void> {
    try {
      await notifier.close?.();
    } catch (error) {
      this.#parts.fault(error);
    }
  }

  #listen<Name extends keyof typeof readEvent>(name: Name): () => void {
    return this.#parts.events.on(name, (payload) => {
      const occurrence = readEvent[name](payload);
      if (Object.keys(occurrence).length === 0) return;
      const at = this.#now();
      if (this.#pending < mostPending) return this.#later(() => this.#process(occurrence, at));
      const detail = `More than ${mostPending} events wait for the vault; the newest is told to nobody.`;
      this.#parts.fault(new BackupError('notification_failed', detail));
    });
  }

  readonly #later = (work: () => Promise<unknown>): void => {
    this.#pending++;
    this.#work = this.#work
      .then(work)
      .catch(this.#parts.fault)
      .finally(() => this.#pending--);
  };

  async #process({ trouble, notice, recovers, forgets }: Occurrence, at: string): Promise<void> {
    if (notice !== undefined)
      await this.#send(wanting(this.#channels, notice.event), at, (now) => composeNotice(notice, now));
    if (trouble !== undefined) await this.#tellTrouble(trouble, at);
    if (forgets !== undefined) await this.#streaks.forget(forgets, at);
    if (recovers !== undefined) await this.#streaks.tellRecovery(recovers, at);
  }

  async #tellTrouble(trouble: Trouble, at: string): Promise<void> {
    const everyTime = wanting(this.#channels, trouble.event).filter(({ notifier }) => notifier.everyTime === true);
    const once = { trouble: { ...trouble }, since: at, lastAt: at, count: 1, told: {} };
    await this.#send(everyTime, at, (now) => composeTrouble(once, now));
    await this.#streaks.tellTrouble(trouble, at);
  }

  async #send(channels: readonly Channel[], at: string, compose: (now: Circumstances) => Notification): Promise<void> {
    if (channels.length === 0) return;
    const notification = compose(await this.#circumstances(at));
    for (const { queue } of channels) queue.add(notification);
  }

  readonly #circumstances = async (at: string): Promise<Circumstances> => {
    const { database, host, lastGoodBackup } = this.#parts;
    return { database, host, at, lastGoodBackup: await lastGoodBackup().catch(() => undefined) };
  };

  /** Where nobody can say whether a service lives it is taken for gone: rather twice than never. */
  readonly #teller = async (at: string): Promise<Teller> => {
    const by = await this.#parts.instance().catch(() => this.#self);
    const isAlive = (id: string): boolean => {
      try {
        return id === by || id === this.#self || this.#parts.isAlive(id);
      } catch {
        return false;
      }
    };
    return { by, at, isAlive };
  };

  readonly #now = (): string => this.#parts.clock().toISOString();

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
