import { join } from 'node:path';
import { FileLock } from '../coordination/file-lock.js';
import { toBackupError } from '../errors.js';
import type { MissedRun } from '../events/outcomes.js';
import { type MissedRuns, missedWhileAway, missedWhileRunning } from '../schedule/missed-runs.js';
import { planRun, type RunHistory } from '../schedule/plan-run.js';
import type { Backup } from '../vault/backup.js';
import type { Schedule } from './backup-service.js';
import { createBackup } from './create-backup.js';
import type { OperationParts } from './operation-parts.js';

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
    const lock = await takeLock(this.#parts);
    if (lock === null) return busyMs;
    try {
      return await this.#runUnderLock();
    } finally {
      lock.release();
    }
  }

  async #runUnderLock(): Promise<number> {
    const { history, dueAt, waitMs, isKnown } = await this.#look();
    if (!isKnown) await this.#write(history, history.failures, history.failedAt);
    if (waitMs > 0) return waitMs;
    const { clock, options, schedule } = this.#parts;
    const missed = missedWhileAway(options.schedule, history, dueAt, clock());
    const startedAt = clock();
    // A run that its process does not survive has failed: who is restarted does not try again at once.
    await this.#write(history, history.failures + 1, startedAt);
    try {
      await createBackup(this.#parts, { kind: 'scheduled', by: scheduleCaller });
      await this.#write(history, 0, null);
    } catch (error) {
      // A service that is closed has its operations cancelled; the next start finds the run due.
      const isOver = toBackupError(error).code !== 'operation_in_progress' && schedule.isActive;
      await this.#write(history, history.failures + (isOver ? 1 : 0), isOver ? clock() : history.failedAt);
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

  #write({ since }: RunHistory, failures: number, failedAt: Date | null): Promise<void> {
    const { schedule, runner } = this.#parts;
    const staging = async (): Promise<string> => (await runner.instance()).staging;
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

/** What `status` and `stats` tell of it. */
export async function readSchedule(parts: OperationParts): Promise<Schedule> {
  const history = await readHistory(parts);
  return {
    enabled: parts.schedule.isActive,
    nextRunAt: parts.schedule.isActive ? planRun(parts.options.schedule, history).toISOString() : null,
    lastRunAt: history.last?.startedAt.toISOString() ?? null,
  };
}

/**
 * What the vault holds tells when the schedule last ran. Whatever was written while the clock was ahead tells nothing, and
 * is written anew: a wait that counts from the future would never end.
 */
async function readHistory({
  vault,
  clock,
  schedule,
  runner,
}: OperationParts): Promise<RunHistory & { readonly isKnown: boolean }> {
  const now = clock();
  // A vault that cannot be listed leaves the run due: the backup that fails then is heard of.
  const backups = await vault.list().catch((error: unknown) => {
    runner.told(error);
    return [];
  });
  const newest = backups.find(({ kind, createdAt }) => kind === 'scheduled' && Date.parse(createdAt) <= now.getTime());
  const state = await schedule.read();
  const isPast = (instant: string): boolean => Date.parse(instant) <= now.getTime();
  const since = state !== null && isPast(state.since) ? new Date(state.since) : now;
  const failedAt =
    state !== null && state.failedAt !== null && isPast(state.failedAt) ? new Date(state.failedAt) : null;
  return {
    last: newest === undefined ? null : finished(newest),
    since,
    failures: failedAt === null ? 0 : (state?.failures ?? 0),
    failedAt,
    isKnown: state !== null && isPast(state.since) && (failedAt !== null || state.failures === 0),
  };
}

function finished({ createdAt, durationMs }: Backup): { startedAt: Date; finishedAt: Date } {
  const startedAt = new Date(createdAt);
  return { startedAt, finishedAt: new Date(startedAt.getTime() + (durationMs ?? 0)) };
}

/** Null while another process holds it. Where there can be none the backup is tried all the same, and says what is wrong. */
async function takeLock({ place, runner }: OperationParts): Promise<{ release(): void } | null> {
  try {
    await runner.instance();
    const lock = new FileLock(join(place.stateDirectory, 'schedule.lock'));
    return lock.tryAcquire() ? lock : null;
  } catch {
    return { release: () => undefined };
  }
}
