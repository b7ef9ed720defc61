import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { mapLimited } from '../system/map-limited.js';
import { hasInEnvironment, listProcesses, type ProcessEntry, parallelReads } from './processes.js';

/** What does not end when it is asked to is ended. */
const longestDeafMs = 10_000;
/** The kernel ends a process at once, unless it hangs in a read of a disk that does not answer. */
const longestDyingMs = 5_000;
const pollMs = 50;

/** A process and all that came of it. */
export class ProcessFamily {
  readonly #child: ChildProcess;
  readonly #mark: string;
  /** Who was seen to belong to it: a child whose parent is gone has another one. */
  #known = new Set<string>();
  #ending: Promise<number[]> | undefined;

  /** @param mark a line of its environment, which all have that came of it */
  constructor(child: ChildProcess, mark: string) {
    this.#child = child;
    this.#mark = mark;
  }

  /** Asks each of it to end, and kills what does not. @returns what is left of it all the same */
  end(hurry: AbortSignal): Promise<number[]> {
    this.#ending ??= this.#end(hurry);
    return this.#ending;
  }

  async #end(hurry: AbortSignal): Promise<number[]> {
    const asked = new Set<string>();
    let killedFrom = performance.now() + longestDeafMs;
    for (;;) {
      const left = await this.#find();
      const now = performance.now();
      if (hurry.aborted) killedFrom = Math.min(killedFrom, now);
      if (left.length === 0 || now - killedFrom > longestDyingMs) return left.map(({ id }) => id);
      for (const member of left) {
        if (now >= killedFrom) send(member.id, 'SIGKILL');
        else if (!asked.has(keyOf(member))) send(member.id, 'SIGTERM');
        asked.add(keyOf(member));
      }
      await delay(pollMs);
    }
  }

  async #find(): Promise<ProcessEntry[]> {
    const { pid = 0, exitCode, signalCode } = this.#child;
    const isRunning = pid > 0 && exitCode === null && signalCode === null;
    const all = await listProcesses();
    if (all === null) return isRunning ? [{ id: pid, parent: process.pid, startedAt: '' }] : [];
    const marked = await mapLimited(all, parallelReads, ({ id }) => hasInEnvironment(id, this.#mark));
    const members = new Set(
      all.filter(
        (entry, index) => marked[index] === true || this.#known.has(keyOf(entry)) || (isRunning && entry.id === pid),
      ),
    );
    // A set that is added to is walked to its new end.
    for (const { id } of members) for (const entry of all) if (entry.parent === id) members.add(entry);
    this.#known = new Set([...members].map(keyOf));
    return [...members];
  }
}

const keyOf = ({ id, startedAt }: ProcessEntry): string => `${id} ${startedAt}`;

function send(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch {
    // It has ended meanwhile, or belongs to somebody else and is told of as left.
  }
}
