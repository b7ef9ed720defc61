import type { CleanupOutcome } from '../../events/outcomes.js';
import { findLosses } from '../../health/find-losses.js';
import type { Backup } from '../../vault/backup.js';
import { planRetention, type RetentionDecision, type RetentionPlan } from '../../vault/retention.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationRun } from '../run/operation-spec.js';

export interface CleanupInput extends Caller {
  /** Tells what would be removed, and removes nothing. */
  readonly dryRun?: boolean | undefined;
}

/** Removes what retention no longer wants. Decides first, from one look at the vault; then acts, one backup at a time. */
export function cleanUp(parts: OperationParts, input: CleanupInput): OperationRun<CleanupOutcome> {
  const dryRun = input.dryRun ?? false;
  return parts.runner.run(
    {
      type: 'cleanup',
      by: callerName(input),
      from: input.from,
      exclusive: !dryRun,
      stages: false,
      signal: input.signal,
    },
    async ({ signal }) => {
      const plan = await planCleanup(parts);
      if (dryRun)
        return {
          dryRun,
          deleted: plan.remove,
          kept: plan.keep,
          failed: [],
          freedBytes: await sizeOf(parts, plan.remove),
        };
      const outcome = await executePlan(parts, plan, signal);
      parts.events.emit('cleanup.finished', outcome);
      return outcome;
    },
  );
}

export async function planCleanup({ vault, options, clock, migration }: OperationParts): Promise<RetentionPlan> {
  const wayBack = migration.wayBack();
  const [backups, now] = [await vault.list(), clock()];
  const lost = lostRows(backups, options.mayEmpty, now);
  return planRetention(backups, options.retention, { now, isHeld: vault.isHeld, wayBack, lost });
}

/**
 * By backup, a table whose rows are in it and are gone since. Those that prove the loss stay with it, or it would be none
 * when older ones are all that is left to compare with.
 */
function lostRows(backups: readonly Backup[], mayEmpty: readonly string[], now: Date): ReadonlyMap<string, string> {
  const losses = findLosses(backups, { live: null, mayEmpty, now });
  return new Map(losses.flatMap(({ table, witnesses }) => witnesses.map((filename) => [filename, table] as const)));
}

/** One that cannot be removed does not keep the others; it is named in `failed`. An abort stops between two backups. */
export async function executePlan(
  { vault, runner }: OperationParts,
  plan: RetentionPlan,
  signal?: AbortSignal,
): Promise<CleanupOutcome> {
  const deleted: RetentionDecision[] = [];
  const kept: RetentionDecision[] = [...plan.keep];
  const failed: RetentionDecision[] = [];
  let freedBytes = 0;
  for (const decision of plan.remove) {
    signal?.throwIfAborted();
    try {
      freedBytes += (await vault.remove(decision.filename)).freedBytes;
      deleted.push(decision);
    } catch (error) {
      const told = runner.told(error);
      if (told.code === 'backup_pinned' || told.code === 'backup_in_use')
        kept.push({ filename: decision.filename, reason: told.title });
      else if (told.code !== 'backup_not_found')
        failed.push({
          filename: decision.filename,
          reason: told.code === 'internal_error' ? told.title : told.message,
        });
    }
  }
  return { dryRun: false, deleted, kept, failed, freedBytes };
}

async function sizeOf({ vault }: OperationParts, decisions: readonly RetentionDecision[]): Promise<number> {
  const names = new Set(decisions.map(({ filename }) => filename));
  return (await vault.list()).reduce((sum, { filename, size }) => sum + (names.has(filename) ? size : 0), 0);
}
