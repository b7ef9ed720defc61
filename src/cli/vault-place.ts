import { existsSync, lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BackupError, systemCode } from '../errors.js';
import { isBackupName } from '../vault/backup-name.js';

/** Why no folder can be here, or null. What else may be wrong with one the vault says itself. */
function faultOf(directory: string): string | null {
  for (let path = resolve(directory); ; path = dirname(path)) {
    const entry = entryAt(path);
    if (entry === null) continue;
    if (entry.isSymbolicLink() && !existsSync(path)) return `${path} is a symbolic link that leads nowhere.`;
    return statSync(path).isDirectory() ? null : `${path} is no directory.`;
  }
}

/** Of a link the link itself; null where there is nothing. */
function entryAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (/^(ENOENT|ENOTDIR)$/.test(systemCode(error) ?? '')) return null;
    throw error;
  }
}

/** @throws BackupError `vault_refused` */
export function requirePlace(directory: string): void {
  const fault = faultOf(directory);
  if (fault !== null) throw new BackupError('vault_refused', `The backups cannot lie in ${directory}: ${fault}`);
}

/**
 * A mistyped folder is told, and no vault is made of it by who only wants to read.
 * @throws BackupError `vault_refused`
 */
export function requireVault(directory: string): void {
  if (existsSync(join(directory, '.state', 'vault.json')) || isCopied(directory)) return;
  const detail = `There are no backups in ${directory}: nothing has made a vault of it yet.`;
  throw new BackupError('vault_refused', detail);
}

/** As the names of all backups end; a folder of other databases is no vault. */
const dated = /_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:_\d+)?\.db$/;

/** One that was copied without its state, or of which the state was removed because the database was moved. */
function isCopied(directory: string): boolean {
  if (!existsSync(directory)) return false;
  const names = readdirSync(directory);
  return names.includes('metadata') || names.some((name) => isBackupName(name) && dated.test(name));
}
