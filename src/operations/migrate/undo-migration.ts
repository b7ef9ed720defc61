import { BackupError } from '../../errors.js';
import { commands } from '../../health/finding.js';
import type { Backup } from '../../vault/backup.js';
import type { OperationParts } from '../operation-parts.js';
import { restoreBackup } from '../restore/restore-backup.js';
import { inTurn } from '../run/in-turn.js';
import { Undecided } from './judge-migration.js';

interface FailedMigration {
  readonly backup: Backup | null;
  readonly cause: unknown;
  readonly onFailure: 'restore' | 'keep';
  readonly by: string;
  readonly beforeRestore: (() => void | Promise<void>) | undefined;
}

/**
 * Restores the backup from before a migration that failed, or leaves what is there.
 * @returns the error to throw: what the migration threw is its cause, the message names the backup and the command
 */
export async function undoMigration(
  parts: OperationParts,
  { backup, cause, onFailure, by, beforeRestore }: FailedMigration,
): Promise<BackupError> {
  const thrown =
    cause instanceof Error && cause.message !== '' ? cause.message : `The migration threw ${String(cause)}`;
  const why = /[.!?]$/.test(thrown) ? thrown : `${thrown}.`;
  if (backup === null)
    return new BackupError('migration_failed', `${why} There was no database before it.`, {
      facts: { backup: null, restored: false, command: null },
      cause,
    });
  const { filename } = backup;
  const command = commands.restore(filename);
  if (onFailure === 'keep' || cause instanceof Undecided)
    return new BackupError('migration_failed', `${why} The database was left as it is. To go back run: ${command}`, {
      facts: { backup: filename, restored: false, command },
      cause,
    });
  try {
    await beforeRestore?.();
    const { safetyBackup } = await inTurn(parts, () => restoreBackup(parts, filename, { by }));
    const undo = `What the migration had made of it is in ${safetyBackup}.`;
    return new BackupError('migration_failed', `${why} ${filename}, from before it, was restored. ${undo}`, {
      facts: { backup: filename, restored: true, safetyBackup, command },
      cause,
    });
  } catch (error) {
    const told = parts.runner.told(error);
    return new BackupError('migration_failed', `${why} The restore failed too: ${told.message} Run: ${command}`, {
      facts: { backup: filename, restored: false, command, restoreCode: told.code },
      cause,
    });
  }
}
