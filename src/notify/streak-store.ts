import { mkdir, readFile } from 'node:fs/promises';
import { systemCode } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';
import { isSame, type Streaks, streaksSchema } from './streaks.js';

export interface StreakStoreParts {
  /** In the vault, so that restarts and other processes know what was told. */
  readonly file: string;
  /** On the same file system, swept after a crash. */
  readonly staging: string;
  /** Runs one change at a time, across processes. */
  readonly exclusively: <Result>(change: () => Promise<Result>) => Promise<Result>;
  /** Learns why the state could not be kept. */
  readonly fault: (error: unknown) => void;
}

/** What a change answers beside the new state. */
export interface Change<Result> {
  readonly streaks: Streaks;
  readonly result: Result;
}

/**
 * The streaks on the disk. Where they cannot be kept, as on a full disk, this process goes on with what it remembers:
 * that is when somebody must be told.
 */
export class StreakStore {
  readonly #parts: StreakStoreParts;
  #remembered: Streaks = [];
  /** Whether the disk does not have what is remembered. */
  #ahead = false;

  constructor(parts: StreakStoreParts) {
    this.#parts = parts;
  }

  /** Without the lock: for whoever only looks whether there is anything to change. */
  async read(): Promise<Streaks> {
    return this.#read().catch(() => this.#remembered);
  }

  /** Reads, changes and writes in one go. `decide` is pure and may be called twice. */
  async change<Result>(decide: (streaks: Streaks) => Change<Result>): Promise<Result> {
    try {
      return await this.#parts.exclusively(async () => {
        const before = await this.#read();
        this.#remembered = before;
        const { streaks, result } = decide(before);
        if (this.#ahead || JSON.stringify(streaks) !== JSON.stringify(before)) await this.#write(streaks);
        this.#remembered = streaks;
        this.#ahead = false;
        return result;
      });
    } catch (error) {
      if (!this.#ahead) this.#parts.fault(error);
      this.#ahead = true;
      const { streaks, result } = decide(this.#remembered);
      this.#remembered = streaks;
      return result;
    }
  }

  async #read(): Promise<Streaks> {
    const stored = parse(await readIfThere(this.#parts.file));
    if (!this.#ahead) return stored;
    const isRemembered = ({ trouble }: Streaks[number]): boolean =>
      this.#remembered.some((streak) => isSame(streak.trouble, trouble));
    return [...this.#remembered, ...stored.filter((streak) => !isRemembered(streak))].slice(0, stored.length + 100);
  }

  async #write(streaks: Streaks): Promise<void> {
    const { file, staging } = this.#parts;
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await writeFileDurably(file, JSON.stringify({ version: 1, streaks }), { staging, overwrite: true });
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** It is written whole or not at all; one that cannot be read is not of this version, and a new one takes its place. */
function parse(text: string | null): Streaks {
  if (text === null) return [];
  try {
    return streaksSchema.parse(JSON.parse(text)).streaks;
  } catch {
    return [];
  }
}
