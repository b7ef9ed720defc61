import { BackupError } from '../../errors.js';
import type { EventReader, FeedEvent } from './feed-event.js';
import { type FeedParts, FeedSession } from './feed-session.js';

/** Tells readers what happens on the vault, in whichever process. While nobody reads, nothing is watched. */
export class EventFeed {
  readonly #parts: FeedParts;
  readonly #members = new Set<EventReader>();
  #session: FeedSession | undefined;
  #closed = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /**
   * Tells the state as it is, operations that ended after `since`, and from then on every change.
   * @returns a function that ends it @throws BackupError `operation_cancelled` once the service is closed
   */
  async follow(reader: EventReader, since?: Date): Promise<() => void> {
    this.#requireOpen();
    let tell = (_event: FeedEvent): void => undefined;
    const member: EventReader = { tell: (event) => tell(event), end: () => reader.end() };
    const session = this.#join(member);
    const leave = (): void => this.#leave(member);
    try {
      await session.begun;
      this.#requireOpen();
      // What happens while the state is being read is told after it; that takes no longer than a look at the disk.
      const meanwhile: FeedEvent[] = [];
      tell = (event) => void meanwhile.push(event);
      for (const event of [...(await session.state(since)), ...meanwhile]) reader.tell(event);
      tell = (event) => reader.tell(event);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Ends what is being read; from here on nobody can follow any more. */
  close(): void {
    this.#closed = true;
    for (const member of [...this.#members]) {
      this.#leave(member);
      this.#unharmed(() => member.end());
    }
  }

  #join(member: EventReader): FeedSession {
    this.#members.add(member);
    this.#session ??= new FeedSession(this.#parts, (event) => {
      for (const each of [...this.#members]) this.#unharmed(() => each.tell(event));
    });
    return this.#session;
  }

  #leave(member: EventReader): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#session?.end();
    this.#session = undefined;
  }

  /** One reader that throws keeps nothing from the others. */
  #unharmed(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#parts.runner.told(error);
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new BackupError('operation_cancelled', 'The service is closed.');
  }
}
