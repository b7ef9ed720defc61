import { randomUUID } from 'node:crypto';
import { type Channel, wanting } from './channel.js';
import { type Circumstances, composeRecovery, composeTrouble } from './compose.js';
import type { KnownTrouble, Trouble } from './occurrence.js';
import type { StreakStore } from './streak-store.js';
import {
  addTrouble,
  type End,
  endTroubles,
  isSame,
  type Streak,
  type StreakState,
  settleEnd,
  settleTrouble,
  type Teller,
  takeUntold,
} from './streaks.js';

export interface StreakTellerParts {
  readonly store: StreakStore;
  /** The notifiers that are told once for a streak. */
  readonly channels: readonly Channel[];
  readonly teller: (at: string) => Promise<Teller>;
  readonly circumstances: (at: string) => Promise<Circumstances>;
  /** Does the work when what came before it is done. */
  readonly later: (work: () => Promise<unknown>) => void;
}

/**
 * Tells of a streak once, and once of its end. Who undertakes to tell writes that down first, and afterwards that it is
 * done: what a process that was killed had undertaken, or could not deliver, is told later, by whichever process.
 */
export class StreakTeller {
  readonly #parts: StreakTellerParts;

  constructor(parts: StreakTellerParts) {
    this.#parts = parts;
  }

  async tellTrouble(trouble: Trouble, at: string): Promise<void> {
    const ids = wanting(this.#parts.channels, trouble.event).map(({ id }) => id);
    if (ids.length === 0) return;
    const teller = await this.#parts.teller(at);
    const { streak, due } = await this.#parts.store.change((state) => addTrouble(state, trouble, ids, teller));
    await this.#sendTrouble(streak, due, at);
  }

  /** Where nothing is over, which is usual, that costs one look. */
  async tellRecovery(isOver: (known: KnownTrouble) => boolean, at: string): Promise<void> {
    await this.#end(isOver, this.#ids(), at);
  }

  /** The end of what is about something that is gone is nobody's concern. */
  async forget(isOver: (known: KnownTrouble) => boolean, at: string): Promise<void> {
    await this.#end(isOver, [], at);
  }

  /** Where everything was told, which is usual, that costs one look. */
  async tellUntold(at: string): Promise<void> {
    const teller = await this.#parts.teller(at);
    const take = (state: StreakState) => takeUntold(state, this.#ids(), teller);
    const untold = take(await this.#parts.store.read());
    if (untold.troubles.length === 0 && untold.ends.length === 0) return;
    const { troubles, ends } = await this.#parts.store.change(take);
    for (const { streak, due } of troubles) await this.#sendTrouble(streak, due, at);
    for (const end of ends) await this.#sendEnd(end);
  }

  async #end(isOver: (known: KnownTrouble) => boolean, ids: readonly string[], at: string): Promise<void> {
    if (this.#parts.channels.length === 0 || !(await this.#parts.store.read()).streaks.some(isOver)) return;
    const teller = await this.#parts.teller(at);
    const id = randomUUID();
    const { ends } = await this.#parts.store.change((state) => endTroubles(state, isOver, ids, teller, id));
    for (const end of ends) await this.#sendEnd(end);
  }

  /** One that is over before it was delivered is told as its end alone: the other order would raise a false alarm. */
  async #sendTrouble(streak: Streak, ids: readonly string[], at: string): Promise<void> {
    const { trouble } = streak;
    if (ids.length === 0) return;
    const notification = composeTrouble(streak, await this.#parts.circumstances(at));
    const isOver = async (): Promise<boolean> =>
      !(await this.#parts.store.read()).streaks.some((known) => isSame(known.trouble, trouble));
    for (const { id, queue } of this.#channelsOf(ids)) {
      const settled = (sent: boolean): void => this.#settle((state) => settleTrouble(state, trouble, id, sent));
      queue.add(notification, settled, isOver);
    }
  }

  async #sendEnd(end: End): Promise<void> {
    const notification = composeRecovery(end.over, await this.#parts.circumstances(end.at));
    const settled = (sent: boolean): void => this.#settle((state) => settleEnd(state, end, sent));
    for (const { queue } of this.#channelsOf([end.notifier])) queue.add(notification, settled);
  }

  #settle(change: (state: StreakState) => StreakState): void {
    this.#parts.later(() => this.#parts.store.change((state) => ({ state: change(state) })));
  }

  readonly #ids = (): readonly string[] => this.#parts.channels.map(({ id }) => id);

  #channelsOf(ids: readonly string[]): readonly Channel[] {
    return this.#parts.channels.filter(({ id }) => ids.includes(id));
  }
}
