import { access, constants, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { BackupService } from '../../../operations/backup-service.js';
import { loadBetterSqlite3 } from '../../../system/load-better-sqlite3.js';
import { shellQuote } from '../../../system/shell-quote.js';
import { type Diagnosis, note, passed } from './diagnosis.js';

export async function examineJournal(service: BackupService): Promise<Diagnosis> {
  const check = 'journal_mode';
  const { journalMode } = await service.examine();
  if (journalMode === null) return note(check, 'The journal mode cannot be read.');
  if (journalMode === 'wal') return passed(check, 'WAL mode');
  const message = `The journal mode is ${journalMode}: writers and readers wait for each other, and for a backup.`;
  return { check, verdict: 'warning', message, fix: 'Run once: PRAGMA journal_mode = WAL' };
}

export async function examineAccess(file: string): Promise<Diagnosis> {
  const check = 'permissions';
  try {
    await access(file, constants.R_OK | constants.W_OK);
    const { mode } = await stat(file);
    if ((mode & 0o007) === 0) return passed(check, 'The database is private.');
    const message = `Every user of this machine may ${(mode & 0o002) === 0 ? 'read' : 'write to'} the database.`;
    return { check, verdict: 'warning', message, fix: `Run: chmod o-rwx ${shellQuote(file)}` };
  } catch {
    const message = 'The database file is not there, or this user may not read and write it.';
    return { check, verdict: 'warning', message, fix: 'Run this command as the user of the application.' };
  }
}

/** What a report of a fault must name. */
export function examineVersions(): Diagnosis {
  const database = new (loadBetterSqlite3())(':memory:');
  try {
    const { version } = createRequire(import.meta.url)('better-sqlite3/package.json') as { version: string };
    const sqlite = String(database.prepare('SELECT sqlite_version()').pluck().get());
    return note('versions', `Node ${process.version}, better-sqlite3 ${version}, SQLite ${sqlite}`);
  } finally {
    database.close();
  }
}

export const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );
