import { existsSync, statSync } from 'node:fs';
import { BackupError } from '../../../../errors.js';
import { type Database, loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { Examination, ExamineInput } from '../../../live-database.js';
import { corruptionBug } from './corruption-bug.js';
import { saysDamaged } from './describe-error.js';
import { openLive, pinLive } from './open-database.js';
import { countMinimums, countRows, everyTable, readFacts } from './read-facts.js';

/** Whoever asks how the database is waits no longer for whoever has it locked. */
const patienceMs = 1_000;

/** Says what is there, whatever it is, and changes nothing. @throws SQLITE_BUSY past the busy timeout */
export async function examineLive({ live, ...input }: ExamineInput & { readonly live: string }): Promise<Examination> {
  // Loaded once for many looks, which is no part of how long one takes.
  const engineBug = corruptionBug(engineVersion());
  const startedAt = performance.now();
  const found = { ...nothing, engineBug, ...examine(live, input) };
  return { ...found, durationMs: performance.now() - startedAt };
}

const nothing = {
  hasLogAlone: false,
  tables: [],
  rows: {},
  minimums: {},
  damaged: [],
  userVersion: null,
  journalMode: null,
} as const;

function examine(live: string, input: ExamineInput): Pick<Examination, 'state'> & Partial<Examination> {
  const hasLogAlone = ['-wal', '-journal'].some((ending) => sizeOf(live + ending) > 0);
  if (!existsSync(live)) return { state: 'missing', hasLogAlone };
  if (sizeOf(live) === 0) return { state: 'empty', hasLogAlone };
  let database: Database | undefined;
  let lock: Database | undefined;
  try {
    lock = input.unwritten === true ? holdWriteLock(live) : undefined;
    database = pinLive(live, { timeout: patienceMs });
    // What is pinned cannot move any more, and a write of the application would wait for the count with its whole event loop.
    lock?.close();
    return examineOpen(database, input);
  } catch (error) {
    if (!saysDamaged(error) && !(error instanceof BackupError && error.code === 'source_damaged')) throw error;
    return { state: 'unreadable' };
  } finally {
    database?.close();
    lock?.close();
  }
}

/** Let go when it is closed. @throws SQLITE_BUSY */
function holdWriteLock(live: string): Database {
  const database = openLive(live, patienceMs);
  try {
    database.exec('BEGIN IMMEDIATE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function examineOpen(
  database: Database,
  { count, minimumRows }: ExamineInput,
): Pick<Examination, 'state'> & Partial<Examination> {
  const tables = everyTable(database);
  const { userVersion } = readFacts(database);
  const journalMode = String(database.pragma('journal_mode', { simple: true }));
  const damaged = new Set<string>();
  const onDamaged = (name: string): void => void damaged.add(name);
  const minimums = countMinimums(database, minimumRows, onDamaged);
  const rows = count ? countRows(database, { onDamaged }) : {};
  const state = hasContent(database) ? 'readable' : 'empty';
  return { state, tables, rows, minimums, damaged: [...damaged], userVersion, journalMode };
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Whether the application has made anything that can be asked like a table: a view alone is no table, and no nothing. */
function hasContent(database: Database): boolean {
  const content = String.raw`type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`;
  return database.prepare(`SELECT 1 FROM sqlite_schema WHERE ${content} LIMIT 1`).get() !== undefined;
}

function engineVersion(): string {
  const database = new (loadBetterSqlite3())(':memory:');
  try {
    return String(database.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    database.close();
  }
}
