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

type Decide<Decision> = (state: StreakState) => Decision;

/** Beyond it the oldest is forgotten. */
const mostUnwritten = 1_000;

/**
 * The streaks on the disk. Where they cannot be kept, as on a full disk, this process goes on with what it remembers:
 * that is when somebody must be told. What it did meanwhile is done to what others have written since, once it can be.
 */
export class StreakStore {
  readonly #parts: StreakStoreParts;
  #remembered = nothingKnown;
  readonly #unwritten: Decide<{ readonly state: StreakState }>[] = [];

  constructor(parts: StreakStoreParts) {
    this.#parts = parts;
  }

  /** Without the lock: for whoever only looks whether there is anything to change. */
  async read(): Promise<StreakState> {
    return this.#unwritten.length > 0 ? this.#remembered : this.#read().catch(() => this.#remembered);
  }

  /** Reads, changes and writes in one go. `decide` has no effect beside its answer and may be called again. */
  async change<Decision extends { readonly state: StreakState }>(decide: Decide<Decision>): Promise<Decision> {
    try {
      return await this.#parts.exclusively(() => this.#change(decide));
    } catch (error) {
      if (this.#unwritten.length === 0) this.#parts.fault(error);
      this.#unwritten.push(decide);
      if (this.#unwritten.length > mostUnwritten) this.#unwritten.shift();
      const decision = decide(this.#remembered);
      this.#remembered = decision.state;
      return decision;
    }
  }

  async #change<Decision extends { readonly state: StreakState }>(decide: Decide<Decision>): Promise<Decision> {
    const before = await this.#read();
    if (this.#unwritten.length === 0) this.#remembered = before;
    const caughtUp = this.#unwritten.reduce((state, each) => each(state).state, before);
    const decision = decide(caughtUp);
    if (JSON.stringify(decision.state) !== JSON.stringify(before)) await this.#write(decision.state);
    this.#remembered = decision.state;
    this.#unwritten.length = 0;
    return decision;
  }

  async #read(): Promise<StreakState> {
    return parse(await readIfThere(this.#parts.file));
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
