import { join } from 'node:path';
import { FileLock } from '../../coordination/file-lock.js';
import { toBackupError } from '../../errors.js';
import type { MissedRun } from '../../events/outcomes.js';
import { type MissedRuns, missedWhileAway, missedWhileRunning } from '../../schedule/missed-runs.js';
import { planRun, type RunHistory } from '../../schedule/plan-run.js';
import { createBackup } from '../backups/create-backup.js';
import type { OperationParts } from '../operation-parts.js';
import { readHistory } from '../status/schedule-history.js';

/** Who is named for what the service does by itself. */
export const scheduleCaller = 'schedule';

/** Another operation, or another process with this very run, is at it. */
const busyMs = 15_000;

/** Looks at the schedule again and again; each look answers in how many milliseconds the next one is wanted. */
export class ScheduledRuns {
  readonly #parts: OperationParts;
  /** Nothing is due in between; a clock that is set back leaves it. */
  #quiet = { from: 0, until: 0 };

  constructor(parts: OperationParts) {
    this.#parts = parts;
  }

  /**
   * 1. Looks into the vault whether a run is due.
   * 2. Takes the schedule's lock, so that of several processes one does it, and looks again.
   * 3. Tells which runs were missed.
   * 4. Creates the backup, and writes down a failure.
   */
  async run(): Promise<number> {
    const now = this.#parts.clock().getTime();
    if (now >= this.#quiet.from && now < this.#quiet.until) return this.#quiet.until - now;
    const { waitMs, isKnown } = await this.#look();
    if (waitMs > 0 && isKnown) return waitMs;
    const turn = await takeTurn(this.#parts);
    if (turn === null) return busyMs;
    try {
      return await this.#runInTurn(turn);
    } finally {
      turn.release();
    }
  }

  async #runInTurn({ staging }: Turn): Promise<number> {
    const { history, dueAt, waitMs, isKnown } = await this.#look();
    const write = (failures: number, failedAt: Date | null): Promise<void> =>
      this.#write(history, failures, failedAt, staging);
    if (!isKnown) await write(history.failures, history.failedAt);
    if (waitMs > 0) return waitMs;
    const { clock, options, schedule } = this.#parts;
    const missed = missedWhileAway(options.schedule, history, dueAt, clock());
    const startedAt = clock();
    // A run that its process does not survive has failed: who is restarted does not try again at once.
    await write(history.failures + 1, startedAt);
    try {
      await createBackup(this.#parts, { kind: 'scheduled', by: scheduleCaller });
      await write(0, null);
    } catch (error) {
      // A service that is closed has its operations cancelled; the next start finds the run due.
      const isOver = toBackupError(error).code !== 'operation_in_progress' && schedule.isActive;
      await write(history.failures + (isOver ? 1 : 0), isOver ? clock() : history.failedAt);
      if (!isOver) return busyMs;
    }
    this.#tell('not_running', missed);
    this.#tell('still_running', missedWhileRunning(options.schedule, startedAt, clock()));
    return (await this.#look()).waitMs;
  }

  async #look() {
    const { clock, options } = this.#parts;
    const { isKnown, ...history } = await readHistory(this.#parts);
    const dueAt = planRun(options.schedule, history);
    const now = clock().getTime();
    this.#quiet = { from: now, until: dueAt.getTime() };
    return { history, dueAt, waitMs: this.#quiet.until - now, isKnown };
  }

  #write(
    { since }: RunHistory,
    failures: number,
    failedAt: Date | null,
    staging: () => Promise<string>,
  ): Promise<void> {
    const { schedule, runner } = this.#parts;
    const state = { since: since.toISOString(), failures, failedAt: failedAt?.toISOString() ?? null };
    return schedule.write(state, staging).catch((error: unknown) => {
      runner.told(error);
    });
  }

  #tell(reason: MissedRun['reason'], missed: MissedRuns | null): void {
    if (missed === null) return;
    const { dueAt, runs } = missed;
    const foundAt = this.#parts.clock().toISOString();
    this.#parts.events.emit('schedule.missed', { dueAt: dueAt.toISOString(), foundAt, reason, runs });
  }
}

/** While this process has the schedule's lock. */
interface Turn {
  /** Where the state is written before it is put in its place. */
  readonly staging: () => Promise<string>;
  readonly release: () => void;
}

/** Null while another process holds it. Where there can be none the backup is tried all the same, and says what is wrong. */
async function takeTurn({ place, runner }: OperationParts): Promise<Turn | null> {
  const staging = async (): Promise<string> => (await runner.instance()).staging;
  try {
    const first = await staging();
    const lock = new FileLock(join(place.stateDirectory, 'schedule.lock'));
    if (!lock.tryAcquire()) return null;
    // A service that is being closed takes in nobody any more, and still writes down how the run ended.
    return { staging: () => staging().catch(() => first), release: () => lock.release() };
  } catch {
    return { staging, release: () => undefined };
  }
}
