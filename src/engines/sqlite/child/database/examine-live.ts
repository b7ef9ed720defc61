import { existsSync, statSync } from 'node:fs';
import { BackupError } from '../../../../errors.js';
import { type Database, loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { Examination, ExamineInput } from '../../../engine.js';
import { corruptionBug } from './corruption-bug.js';
import { saysDamaged } from './describe-error.js';
import { pinLive } from './open-database.js';
import { countRows, readFacts, tableNames } from './read-facts.js';

/** Whoever asks how the database is waits no longer for whoever has it locked. */
const patienceMs = 1_000;

/** Says what is there, whatever it is, and changes nothing. @throws SQLITE_BUSY past the busy timeout */
export async function examineLive({ live, count }: ExamineInput & { readonly live: string }): Promise<Examination> {
  // Loaded once for many looks, which is no part of how long one takes.
  const engineBug = corruptionBug(engineVersion());
  const startedAt = performance.now();
  const found = examine(live, count, engineBug);
  return { ...found, durationMs: performance.now() - startedAt };
}

function examine(
  live: string,
  count: ExamineInput['count'],
  engineBug: string | null,
): Omit<Examination, 'durationMs'> {
  const nothing = { hasLogAlone: false, tables: [], rows: {}, userVersion: null, journalMode: null, engineBug };
  const hasLogAlone = ['-wal', '-journal'].some((ending) => sizeOf(live + ending) > 0);
  if (!existsSync(live)) return { ...nothing, state: 'missing', hasLogAlone };
  if (sizeOf(live) === 0) return { ...nothing, state: 'empty', hasLogAlone };
  let database: Database | undefined;
  try {
    database = pinLive(live, { timeout: patienceMs });
    const tables = contentNames(database);
    const { userVersion } = readFacts(database);
    const countable = tableNames(database);
    const wanted = new Set(count === 'all' ? [] : count.map((name) => name.toLowerCase()));
    const counted = countable.filter((name) => count === 'all' || wanted.has(name.toLowerCase()));
    const rows = countRows(database, { of: counted, onDamaged: () => undefined });
    const journalMode = String(database.pragma('journal_mode', { simple: true }));
    return { ...nothing, state: tables.length === 0 ? 'empty' : 'readable', tables, rows, userVersion, journalMode };
  } catch (error) {
    if (!saysDamaged(error) && !(error instanceof BackupError && error.code === 'source_damaged')) throw error;
    return { ...nothing, state: 'unreadable' };
  } finally {
    database?.close();
  }
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
