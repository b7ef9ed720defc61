import type { BackupKind } from '../../options/backup-kind.js';
import type { OperationParts } from '../operation-parts.js';

/** Whether it is of a database as it was, before a migration or a restore, and not of one that has to be good. */
export const holdsWhatWasThere = (kind: BackupKind): boolean => kind === 'pre_migration' || kind === 'safety';

/**
 * The tables that a backup of this kind must have. One that holds whatever was there, before a migration that makes a
 * table or before a restore that brings one back, need not have any: to go back is what it is for.
 */
export function requiredTablesOf({ options }: Pick<OperationParts, 'options'>, kind: BackupKind): readonly string[] {
  return holdsWhatWasThere(kind) ? [] : options.requiredTables;
}
