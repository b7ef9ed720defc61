import { existsSync, statSync } from 'node:fs';
import { BackupError } from '../../../../errors.js';
import { type Database, loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { Examination, ExamineInput } from '../../../engine.js';
import { corruptionBug } from './corruption-bug.js';
import { saysDamaged } from './describe-error.js';
import { pinLive } from './open-database.js';
import { countMinimums, countRows, readFacts } from './read-facts.js';

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
  try {
    database = pinLive(live, { timeout: patienceMs });
    return examineOpen(database, input);
  } catch (error) {
    if (!saysDamaged(error) && !(error instanceof BackupError && error.code === 'source_damaged')) throw error;
    return { state: 'unreadable' };
  } finally {
    database?.close();
  }
}

function examineOpen(
  database: Database,
  { count, minimumRows }: ExamineInput,
): Pick<Examination, 'state'> & Partial<Examination> {
  const tables = contentNames(database);
  const { userVersion } = readFacts(database);
  const journalMode = String(database.pragma('journal_mode', { simple: true }));
  const damaged = new Set<string>();
  const onDamaged = (name: string): void => void damaged.add(name);
  const minimums = countMinimums(database, minimumRows, onDamaged);
  const rows = count ? countRows(database, { onDamaged }) : {};
  const state = tables.length === 0 ? 'empty' : 'readable';
  return { state, tables, rows, minimums, damaged: [...damaged], userVersion, journalMode };
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Whatever the application has made that can be asked like a table: also virtual ones, whose rows are not counted. */
function contentNames(database: Database): string[] {
  return database
    .prepare(
      String.raw`SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`,
    )
    .pluck()
    .all() as string[];
}

function engineVersion(): string {
  const database = new (loadBetterSqlite3())(':memory:');
  try {
    return String(database.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    database.close();
  }
}
