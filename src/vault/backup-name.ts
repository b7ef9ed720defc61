import { BackupError } from '../errors.js';
import type { BackupKind } from '../options/backup-kind.js';

/** Longer names do not fit every file system, together with what is appended while staging. */
const longestName = 200;
/**
 * One strict pattern on the decoded value: ASCII, begins with a letter or digit, no two dots in a row, and ends like
 * a backup. So no separator, no control character, no hidden file, no sidecar (`.db-wal`), no manifest can be named.
 */
const pattern = /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*\.db$/;
/** Device names that Windows resolves whatever the extension. */
const reserved = /^(?:CON|PRN|AUX|NUL|COM\d|LPT\d)\./i;

export const latest = 'latest';

export function isBackupName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= longestName && pattern.test(name) && !reserved.test(name);
}

/** @throws BackupError `invalid_filename`; what was asked for is not repeated in the answer */
export function requireBackupName(name: unknown): void {
  if (!isBackupName(name)) throw new BackupError('invalid_filename', 'This is not the name of a backup.');
}

export interface NameParts {
  readonly prefix: string;
  readonly kind: BackupKind;
  readonly createdAt: Date;
  readonly extension: string;
}

/** `<prefix>_backup_YYYY-MM-DD_HH-MM-SS[_n].<extension>` in UTC; other kinds than `manual` say so in place of `backup`. */
export function backupName({ prefix, kind, createdAt, extension }: NameParts, attempt: number): string {
  const label = kind === 'manual' ? 'backup' : kind;
  const stamp = createdAt.toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-');
  return `${prefix}_${label}_${stamp}${attempt === 1 ? '' : `_${attempt}`}.${extension}`;
}

/** The manifest's name: the backup's own without its extension. */
export function manifestName(filename: string): string {
  return `${filename.replace(/\.db$/, '')}.json`;
}
