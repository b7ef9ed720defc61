import { BackupError } from '../../errors.js';
import type { OperationParts } from '../operation-parts.js';
import { settleRestore } from './settle-restore.js';

/** Where the last restore left what it replaced: to restore that is to undo it. */
export interface Replaced {
  /** Its safety backup. */
  readonly filename: string;
  /** The tables whose rows it replaced; undefined where it was all of the database. */
  readonly tables?: readonly string[] | undefined;
}

/**
 * The last restore that changed the live database, whatever the clock said then and however full the disk was.
 * @throws BackupError `operation_in_progress`; `backup_not_found` where there was none, its safety backup was removed, or nobody can tell; `backup_damaged`
 */
export async function lastReplaced(parts: OperationParts): Promise<Replaced> {
  await settle(parts);
  const last = parts.journal.last();
  if (last === null) {
    const hint = 'A safety backup can be restored by its name.';
    throw new BackupError('backup_not_found', `No restore that could be undone is on record. ${hint}`);
  }
  const { filename, verification } = await parts.vault.get(last.safetyBackup);
  if (last.isUnknown)
    throw new BackupError(
      'backup_not_found',
      `Whether the last restore changed the database cannot be told. If it did, ${filename} holds what was there.`,
    );
  // The refusal of a restore would send whoever wants back to an older backup.
  if (verification?.ok === false)
    throw new BackupError(
      'backup_damaged',
      `${filename} has what the last restore replaced, as it was: nothing, or what is damaged. It cannot be restored.`,
    );
  return { filename, tables: last.only ?? undefined };
}

/** Of a restore whose process was killed nothing is known until somebody has looked at what it left. */
async function settle(parts: OperationParts): Promise<void> {
  if (parts.journal.read() === null) return;
  if ((await parts.runner.whileIdle(() => settleRestore(parts))) === undefined)
    throw new BackupError('operation_in_progress', 'What the last restore has done is known when no operation runs.');
}
