import { z } from 'zod';
import type { OperationsLog } from '../coordination/operations-log.js';
import { BackupError } from '../errors.js';
import type { OperationParts } from './operation-parts.js';

const receiptSchema = z.object({ safetyBackup: z.string() });

/**
 * The safety backup of the last restore that succeeded: what that one replaced.
 * @throws BackupError `backup_not_found` where there was none, or its safety backup was removed
 */
export async function lastReplaced({ vault }: OperationParts, log: OperationsLog): Promise<string> {
  for (const id of (await log.ids()).toSorted().reverse()) {
    const record = await log.find(id);
    if (record?.type !== 'restore' || record.state !== 'succeeded') continue;
    const receipt = receiptSchema.safeParse(record.result);
    if (receipt.success) return (await vault.get(receipt.data.safetyBackup)).filename;
  }
  // Records are kept for a bounded number of operations; a safety backup is kept by its own rules.
  const newest = (await vault.list()).find(({ kind }) => kind === 'safety');
  if (newest !== undefined) return newest.filename;
  throw new BackupError('backup_not_found', 'There is no restore that could be undone.');
}
