import { planRun, type RunHistory } from '../../schedule/plan-run.js';
import type { Backup } from '../../vault/backup.js';
import type { Schedule } from '../backup-service.js';
import type { OperationParts } from '../operation-parts.js';

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
export async function readHistory({
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
