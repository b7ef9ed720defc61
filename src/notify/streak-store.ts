import { mkdir, readFile } from 'node:fs/promises';
import { systemCode } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';
import { nothingKnown, type StreakState, streakStateSchema } from './streaks.js';

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

/**
 * The streaks on the disk. Where they cannot be kept, as on a full disk, this process goes on with what it remembers:
 * that is when somebody must be told.
 */
export class StreakStore {
  readonly #parts: StreakStoreParts;
  #remembered = nothingKnown;
  /** Whether the disk does not have what is remembered. */
  #ahead = false;

  constructor(parts: StreakStoreParts) {
    this.#parts = parts;
  }

  /** Without the lock: for whoever only looks whether there is anything to change. */
  async read(): Promise<StreakState> {
    return this.#read().catch(() => this.#remembered);
  }

  /** Reads, changes and writes in one go. `decide` has no effect beside its answer and may be called twice. */
  async change<Decision extends { readonly state: StreakState }>(
    decide: (state: StreakState) => Decision,
  ): Promise<Decision> {
    try {
      return await this.#parts.exclusively(async () => {
        const before = await this.#read();
        this.#remembered = before;
        const decision = decide(before);
        if (this.#ahead || JSON.stringify(decision.state) !== JSON.stringify(before)) await this.#write(decision.state);
        this.#remembered = decision.state;
        this.#ahead = false;
        return decision;
      });
    } catch (error) {
      if (!this.#ahead) this.#parts.fault(error);
      this.#ahead = true;
      const decision = decide(this.#remembered);
      this.#remembered = decision.state;
      return decision;
    }
  }

  async #read(): Promise<StreakState> {
    return this.#ahead ? this.#remembered : parse(await readIfThere(this.#parts.file));
  }

  async #write(state: StreakState): Promise<void> {
    const { file, staging } = this.#parts;
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await writeFileDurably(file, JSON.stringify(state), { staging, overwrite: true });
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
function parse(text: string | null): StreakState {
  if (text === null) return nothingKnown;
  try {
    return streakStateSchema.parse(JSON.parse(text));
  } catch {
    return nothingKnown;
  }
}
