import type { Examination } from '../../engines/live-database.js';
import { BackupError } from '../../errors.js';
import { findWaysBack, hasRows } from '../../health/assess-backups.js';
import { commands } from '../../health/finding.js';
import type { OperationParts } from '../operation-parts.js';

/**
 * A database that is not there, of which backups with rows are, is not new but lost: tables made in its place would look
 * like all that there is, and retention would in time let the backups go.
 * @throws BackupError `database_missing` with the command that brings it back
 */
export async function requireNotLost(
  { vault, options }: OperationParts,
  { state }: Pick<Examination, 'state'>,
): Promise<void> {
  if (state !== 'missing' && state !== 'empty') return;
  const backups = (await vault.list()).filter(hasRows);
  const { overNothing: name } = findWaysBack(backups, options);
  const [newest] = backups;
  if (name === null || newest === undefined) return;
  const filename = name === 'latest' ? newest.filename : name;
  throw new BackupError(
    'database_missing',
    `The live database ${state === 'missing' ? 'is missing' : 'has no tables'}, but ${filename} has its rows. Run: ${commands.restore(filename)}`,
  );
}
