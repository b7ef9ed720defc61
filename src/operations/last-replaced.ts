import { z } from 'zod';
import type { OperationRecord } from '../coordination/operation.js';
import type { OperationsLog } from '../coordination/operations-log.js';
import { BackupError } from '../errors.js';
import type { OperationParts } from './operation-parts.js';
import { settleRestore } from './settle-restore.js';

/** Where the last restore left what it replaced: to restore that is to undo it. */
export interface Replaced {
  /** Its safety backup. */
  readonly filename: string;
  /** The tables whose rows it replaced; undefined where it was all of the database. */
  readonly tables?: readonly string[] | undefined;
}

const receiptSchema = z.object({ safetyBackup: z.string(), only: z.array(z.string()).optional() });
const problemSchema = z.object({
  code: z.string(),
  live: z.string().optional(),
  safetyBackup: z.string(),
  only: z.array(z.string()).optional(),
});

/**
 * Of the operations that are still known, the last restore that changed the live database.
 * @throws BackupError `operation_in_progress`; `backup_not_found` where there was none, its safety backup was removed, or nobody can tell
 */
export async function lastReplaced(parts: OperationParts, log: OperationsLog): Promise<Replaced> {
  await settle(parts);
  for (const id of (await log.ids()).toSorted().reverse()) {
    const record = await log.find(id);
    const replaced = record?.type === 'restore' ? replacedBy(record) : null;
    if (replaced !== null) return { ...replaced, filename: (await parts.vault.get(replaced.filename)).filename };
  }
  const hint = 'A safety backup can be restored by its name.';
  throw new BackupError('backup_not_found', `No restore that could be undone is on record. ${hint}`);
}

/** Of a restore whose process was killed nothing is on record until somebody has looked at what it left. */
async function settle(parts: OperationParts): Promise<void> {
  if (parts.journal.read() === null) return;
  if ((await parts.runner.whileIdle(() => settleRestore(parts))) === undefined)
    throw new BackupError('operation_in_progress', 'What the last restore has done is known when no operation runs.');
}

/** Null for one that left the live database as it was. */
function replacedBy({ state, result, problem }: OperationRecord): Replaced | null {
  if (state === 'succeeded') {
    const receipt = receiptSchema.safeParse(result);
    return receipt.success ? { filename: receipt.data.safetyBackup, tables: receipt.data.only } : null;
  }
  const failed = problemSchema.safeParse(problem);
  if (!failed.success) return null;
  const { code, live, safetyBackup, only } = failed.data;
  if (live === 'unknown')
    throw new BackupError(
      'backup_not_found',
      `Whether the last restore changed the database cannot be told. If it did, ${safetyBackup} holds what was there.`,
    );
  return code === 'roll_back_failed' || live === 'new' ? { filename: safetyBackup, tables: only } : null;
}
