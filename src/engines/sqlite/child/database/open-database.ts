import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BackupError, systemCode } from '../../../../errors.js';
import { type Database, loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';

/** As long as the host's own default busy timeout: a writer that holds the lock longer is not passing by. */
const busyMs = 5_000;
/** SQLite's own upper limit (SQLITE_MAX_MMAP_SIZE); only for private files, which nobody truncates under the map. */
const mapBytes = 2_147_418_112;
/** It reads 48 bytes; one that takes longer sits on a disk that does not answer. */
const longestLookMs = 10_000;
const lookAtHeaders = fileURLToPath(new URL('./look-at-headers.js', import.meta.url));

/** Opens a staged or stored file. Content from outside must not run code: no functions in its schema are trusted. */
export function openPrivate(file: string, { readonly }: { readonly: boolean }): Database {
  const database = new (loadBetterSqlite3())(file, { readonly, fileMustExist: true, timeout: busyMs });
  database.pragma('trusted_schema = OFF');
  database.pragma('cell_size_check = ON');
  database.pragma(`mmap_size = ${mapBytes}`);
  return database;
}

/** Opens the live database for writing. It must exist; it is never created. */
export function openLive(file: string, timeoutMs: number): Database {
  requireLive(file);
  return new (loadBetterSqlite3())(file, { fileMustExist: true, timeout: timeoutMs });
}

export interface PinOptions {
  /** How long to wait for whoever has it locked, milliseconds. */
  readonly timeout?: number;
  /** What must be done before the view is pinned, such as attaching another file. */
  readonly prepare?: (database: Database) => void;
}

/**
 * Opens the live database and pins one read view of it: until it is closed the copy cannot restart and the content
 * cannot move, whatever other connections commit.
 * @throws BackupError `database_missing`, `source_damaged`; SQLITE_BUSY past the busy timeout
 */
export function pinLive(file: string, { timeout = busyMs, prepare }: PinOptions = {}): Database {
  requireLive(file);
  try {
    return pin(new (loadBetterSqlite3())(file, { readonly: true, fileMustExist: true, timeout }), prepare);
  } catch (error) {
    // A read-only handle can neither roll back a hot journal nor make the missing -shm of a write-ahead log.
    if (!/^SQLITE_(READONLY|CANTOPEN)/.test(systemCode(error) ?? '')) throw error;
    if (!isKnown(file)) throw error;
    const writable = pin(openLive(file, timeout), prepare);
    writable.pragma('query_only = ON');
    return writable;
  }
}

/**
 * Whether it may be opened for writing: closing a file that it does not know, SQLite removes a log that it does not
 * know, from which pages could be saved. A process of its own looks, since closing them here would drop the locks of
 * this one.
 */
function isKnown(file: string): boolean {
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log === undefined || log.size === 0) return true;
  const { status } = spawnSync(process.execPath, [lookAtHeaders, file], {
    stdio: 'ignore',
    timeout: longestLookMs,
    killSignal: 'SIGKILL',
  });
  return status === 0;
}

function requireLive(file: string): void {
  if (!existsSync(file)) throw new BackupError('database_missing', 'The live database file does not exist.');
  if (statSync(file).size === 0) throw new BackupError('source_damaged', 'The live database file is empty (0 bytes).');
}

function pin(database: Database, prepare: PinOptions['prepare']): Database {
  try {
    database.pragma('trusted_schema = OFF');
    prepare?.(database);
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
