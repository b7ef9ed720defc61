import { accessSync, constants, existsSync, lstatSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BackupError, systemCode, toBackupError } from '../../../errors.js';
import type { BackupService } from '../../../operations/backup-service.js';
import { shellQuote } from '../../../system/shell-quote.js';
import { hintOf } from '../../hints.js';
import { requirePlace } from '../../vault-place.js';
import { type Diagnosis, passed } from './diagnosis.js';

const check = 'vault';

/** Whether the backups can be used at all. Without them whatever is lost is lost for good. */
export async function examineVault(service: BackupService, directory: string): Promise<readonly Diagnosis[]> {
  try {
    requirePlace(directory);
    await service.stats();
    requireWritable(directory);
    return [passed(check, 'The backups can be read, and new ones can be written.')];
  } catch (error) {
    return [refusal(directory, toBackupError(error))];
  }
}

/** @throws BackupError `vault_read_only` */
function requireWritable(directory: string): void {
  const folders = ['', 'metadata', '.state'].map((name) => join(directory, name)).filter((path) => existsSync(path));
  for (const folder of folders)
    try {
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw new BackupError('vault_read_only', `This user may not write into ${folder}.`, { cause });
    }
}

/** A vault that cannot be used, with what makes it one that can. */
export function refusal(directory: string, error: BackupError): Diagnosis {
  const { cause } = error;
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return { check, verdict: 'critical', message: `${error.message}${why}`, fix: fixOf(resolve(directory), error) };
}

/** By what the message says is wrong: one code stands for all of it. */
const fixes: readonly (readonly [RegExp, (directory: string) => string])[] = [
  [
    /another database/,
    (at) =>
      `Name the database that it belongs to. If that was moved, run: rm ${shellQuote(join(at, '.state', 'vault.json'))}`,
  ],
  [/every user/, (at) => `Run: chmod 700 ${shellQuote(at)}`],
  [/symbolic link|no directory|not a directory/, () => 'Name a directory, and not a link to one, as `directory`.'],
  [
    /staticRoots|web servers|live database lies/,
    (at) => `Stop the application, move ${at} to a private folder, and name that as \`directory\`.`,
  ],
];

function fixOf(directory: string, error: BackupError): string {
  const known = fixes.find(([what]) => what.test(error.message));
  if (known !== undefined) return known[1](directory);
  if (/^(EACCES|EPERM)$/.test(systemCode(error.cause) ?? '')) return spellHandOver(shellQuote(directory));
  return hintOf(error);
}

const spellHandOver = (at: string): string =>
  `Run as root: mkdir -p ${at} && chown -R ${process.getuid?.() ?? '<user>'} ${at} && chmod -R u+rwX ${at}`;

/** What another user has left there, as somebody who ran a command as root once. */
export function examineFiles(directory: string): Diagnosis | readonly Diagnosis[] {
  const own = process.getuid?.();
  if (own === undefined || !existsSync(directory)) return [];
  const folders = ['', 'metadata', '.state'].map((name) => join(directory, name)).filter((path) => existsSync(path));
  const paths = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const foreign = paths.filter((path) => (lstatSync(path, { throwIfNoEntry: false })?.uid ?? own) !== own);
  if (foreign.length === 0) return passed('vault_files', 'All files of the backups belong to this user.');
  return {
    check: 'vault_files',
    verdict: 'warning',
    message: `${foreign.length} files of the backups belong to another user, such as ${foreign[0]}.`,
    fix: `Run as root: chown -R ${own} ${shellQuote(resolve(directory))}`,
  };
}
