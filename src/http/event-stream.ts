import { Readable } from 'node:stream';
import type { EventReader, FeedEvent } from '../operations/follow/feed-event.js';

/** Well below the minute after which many proxies take a silent connection for a dead one. */
const heartbeatMs = 15_000;
/** Who may read is asked once, when the stream begins: a token that has expired meanwhile ends with it. */
const longestMs = 15 * 60_000;
/** How long a client waits before it connects again. */
const retryMs = 3_000;
/** What waits for a reader that does not read: one state of each operation, and so much else until it is given up. */
const mostWaiting = 1_000;
const mostWaitingCharacters = 4 * 1024 * 1024;

/**
 * Events as server-sent ones (WHATWG HTML, 9.2), for one reader. What a slow reader has not taken is replaced by what
 * is newer; one that falls too far behind is cut off, connects again, and is told the state.
 */
export class EventStream extends Readable implements EventReader {
  readonly #waiting = new Map<string, string>();
  readonly #heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref();
  readonly #longest = setTimeout(() => this.end(), longestMs).unref();
  #waitingCharacters = 0;
  #count = 0;
  #taking = false;
  #over = false;

  constructor() {
    super({ encoding: 'utf8' });
    this.#put('retry', `retry: ${retryMs}\n\n`);
  }

  tell(event: FeedEvent): void {
    if (this.#over) return;
    this.#put(event.name === 'operation' ? event.data.id : `${event.name} ${++this.#count}`, textOf(event));
    this.#pass();
    if (this.#waiting.size > mostWaiting || this.#waitingCharacters > mostWaitingCharacters) this.destroy();
  }

  /** The client connects again by itself, unless it is told not to. */
  end(): void {
    if (this.#over) return;
    this.#close();
    if (this.#waiting.size > 0) this.destroy();
    else this.push(null);
  }

  override _read(): void {
    this.#taking = true;
    this.#pass();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#close();
    this.#waiting.clear();
    done(error);
  }

  #close(): void {
    this.#over = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#longest);
  }

  #put(key: string, text: string): void {
    this.#waitingCharacters += text.length - (this.#waiting.get(key)?.length ?? 0);
    this.#waiting.set(key, text);
  }

  #pass(): void {
    for (const [key, text] of this.#waiting) {
      if (!this.#taking) return;
      this.#waiting.delete(key);
      this.#waitingCharacters -= text.length;
      this.#taking = this.push(text);
    }
  }

  #beat(): void {
    if (this.#taking) this.#taking = this.push(':\n\n');
  }
}

const texts = new WeakMap<FeedEvent, string>();

/** Made once for all readers. */
function textOf(event: FeedEvent): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const text = `event: ${event.name}\nid: ${event.at}\ndata: ${JSON.stringify(event.data)}\n\n`;
  texts.set(event, text);
  return text;
}
