import { closeSync, copyFileSync, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { ExpectedContent } from '../../dist/engines/database-content.js';
import { hashFile } from '../../dist/engines/hash-file.js';
import { takeSnapshot } from '../../dist/engines/sqlite/child/snapshot/take-snapshot.js';
import { createDatabase, type LiveOptions } from './live-database.js';
import { taskContext } from './task-context.js';
import { temporaryFolder } from './temporary-folder.js';

export interface StoredBackup {
  readonly file: string;
  readonly expected: ExpectedContent;
}

/** Makes a closed database of the given SQL and tells its path. `prepare` may define functions that the SQL needs. */
export function databaseOf(sql: string, prepare: (database: Database.Database) => void = () => undefined): string {
  const file = join(temporaryFolder(), 'app.db');
  const database = new Database(file);
  try {
    prepare(database);
    database.exec(sql);
  } finally {
    database.close();
  }
  return file;
}

/** A snapshot as the vault would store it, and what its manifest would say. */
export async function storedBackup(options: LiveOptions = {}): Promise<StoredBackup> {
  const folder = temporaryFolder();
  const live = createDatabase(join(folder, 'app.db'), options);
  const file = join(folder, 'backup.db');
  const input = { live: live.name, destination: file, level: 'quick', requiredTables: [], method: 'copy' } as const;
  const { size, sha256, source, tables } = await takeSnapshot(input, taskContext()).finally(() => live.close());
  return { file, expected: { size, sha256, schemaSha256: source.schemaSha256, tables } };
}

/** What a manifest would say of the file as it now is, so that only the checks behind the digest can object. */
export async function trusting({ file, expected }: StoredBackup, size: number): Promise<StoredBackup> {
  return { file, expected: { ...expected, size, sha256: await hashFile(file) } };
}

export function overwrite(file: string, position: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  try {
    writeSync(descriptor, bytes, 0, bytes.length, position);
  } finally {
    closeSync(descriptor);
  }
}

/** Copies a database that is in use, with its sidecars but the -shm: what a crash of its only user leaves. */
export function crashedCopy(from: string, to: string): void {
  for (const suffix of ['', '-wal', '-journal']) {
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
  }
}

/** Damages the pages in the middle of a table: the header and the schema stay readable. */
export function damagePages(file: string, fromPage: number, pages: number, pageSize = 4096): void {
  for (let page = fromPage; page < fromPage + pages; page++) {
    overwrite(file, (page - 1) * pageSize, Buffer.alloc(pageSize / 2, 0xa5));
  }
}

/** Changes what the database says of itself, past every check of SQLite. */
export function tamperSchema(file: string, sql: string): void {
  const database = new Database(file);
  try {
    database.unsafeMode();
    database.pragma('writable_schema = ON');
    database.exec(sql);
  } finally {
    database.close();
  }
}
