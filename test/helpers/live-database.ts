import { spawnSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';

export interface LiveOptions {
  readonly generation?: string;
  readonly rows?: number;
  readonly wal?: boolean;
  readonly pageSize?: number;
  readonly encoding?: 'UTF-8' | 'UTF-16le';
}

/**
 * A database in which every row of `items` carries the same generation, so that a consistent state has exactly one,
 * and a table `commits` for keys whose commit was acknowledged.
 */
export function createDatabase(
  file: string,
  { generation = 'first', rows = 500, wal = true, pageSize = 4096, encoding = 'UTF-8' }: LiveOptions = {},
): Database.Database {
  const database = new Database(file);
  database.pragma(`page_size = ${pageSize}`);
  database.pragma(`encoding = '${encoding}'`);
  if (wal) database.pragma('journal_mode = WAL');
  database.exec(`
    CREATE TABLE items (id INTEGER PRIMARY KEY, generation TEXT NOT NULL, filler BLOB NOT NULL);
    CREATE INDEX items_by_generation ON items (generation);
    CREATE TABLE commits (key TEXT PRIMARY KEY) WITHOUT ROWID;
  `);
  const insert = database.prepare('INSERT INTO items (generation, filler) VALUES (?, randomblob(200))');
  database.transaction(() => {
    for (let row = 0; row < rows; row++) insert.run(generation);
  })();
  return database;
}

/** The same, closed again when the test ends. */
export function openDatabase(file: string, options?: LiveOptions): Database.Database {
  const database = createDatabase(file, options);
  onTestFinished(() => void database.close());
  return database;
}

/** Another connection to a database that is there, closed again when the test ends. */
export function openAgain(file: string): Database.Database {
  const database = new Database(file, { fileMustExist: true });
  onTestFinished(() => void database.close());
  return database;
}

/** Whether another process is kept out, as an open transaction of this one promises. */
export function isLockedForOthers(file: string): boolean {
  const write = 'PRAGMA busy_timeout = 0; BEGIN IMMEDIATE';
  const { stderr, status } = spawnSync('sqlite3', [file, write], { encoding: 'utf8' });
  return status !== 0 && stderr.includes('database is locked');
}

export function setGeneration(database: Database.Database, generation: string): void {
  database.prepare('UPDATE items SET generation = ?').run(generation);
}

/** `first:500` for a consistent state; more than one entry is a mixture. */
export function generations(database: Database.Database): string {
  const rows = database
    .prepare('SELECT generation, count(*) AS count FROM items GROUP BY generation ORDER BY generation')
    .all() as { generation: string; count: number }[];
  return rows.map(({ generation, count }) => `${generation}:${count}`).join(',');
}

/** Opens a file by itself, as an operator with a plain sqlite3 would. */
export function inspect<Result>(file: string, look: (database: Database.Database) => Result): Result {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return look(database);
  } finally {
    database.close();
  }
}

export const integrity = (database: Database.Database): unknown => database.pragma('integrity_check', { simple: true });
