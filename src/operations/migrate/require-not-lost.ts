import type { Examination } from '../../engines/engine.js';
import { BackupError } from '../../errors.js';
import { findRestorable } from '../../health/assess-backups.js';
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
  const hasRows = ({ tables }: { readonly tables: Readonly<Record<string, number>> }): boolean =>
    Object.values(tables).some((count) => count > 0);
  const backups = (await vault.list()).filter(hasRows);
  const fitting = findRestorable(backups, options);
  // An older version of the application did not need all that this one does.
  const name = fitting ?? findRestorable(backups, { requiredTables: [], minimumRows: {} });
  const [newest] = backups;
  if (name === null || newest === undefined) return;
  const filename = name === 'latest' ? newest.filename : name;
  const found = `The live database ${state === 'missing' ? 'is missing' : 'has no tables'}, but ${filename} has its rows.`;
  const lack = 'It lacks some of `requiredTables` or `minimumRows`: restore it without these options, then migrate.';
  const advice = fitting === null ? `${lack} ` : '';
  throw new BackupError('database_missing', `${found} ${advice}Run: ${commands.restore(filename)}`);
}
