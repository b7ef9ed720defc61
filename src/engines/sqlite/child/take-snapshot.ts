import { closeSync, fsyncSync, openSync, statSync } from 'node:fs';
import { BackupError } from '../../../errors.js';
import type { Database } from '../../../system/load-better-sqlite3.js';
import type { DatabaseFacts, Snapshot, SnapshotInput, TableRows, VerificationReport } from '../../engine.js';
import { ReportBuilder } from '../../report-builder.js';
import {
  checkForeignKeys,
  checkHeader,
  checkIntegrity,
  checkLength,
  checkRequiredTables,
  checkSchema,
} from './check-content.js';
import { hashWhile } from './hash-while.js';
import { openPrivate, pinLive } from './open-database.js';
import { countRows, readFacts } from './read-facts.js';
import type { TaskContext } from './task.js';

export interface SnapshotTask extends SnapshotInput {
  readonly live: string;
}

/**
 * 1. Pins one read view of the live database.
 * 2. Copies its pages; success is only a copy that had pages and has none left (design, fact 2).
 * 3. Makes the copy stand alone, checks it while its digest is computed, and brings it to the disk.
 * @throws BackupError `source_damaged` when the copy does not pass
 */
export async function takeSnapshot(input: SnapshotTask, context: TaskContext): Promise<Snapshot> {
  const live = pinLive(input.live);
  let source: DatabaseFacts;
  try {
    source = readFacts(live);
    await copyPages(live, input.destination, context);
  } finally {
    live.close();
  }
  const snapshot = await finishSnapshot(source, input, context);
  if (!snapshot.verification.ok) {
    throw new BackupError(
      'source_damaged',
      `The live database did not pass its check: ${snapshot.verification.problems.join(' ')}`,
      {
        facts: { problems: snapshot.verification.problems },
      },
    );
  }
  return snapshot;
}

/** 16 MiB at the usual page size: long enough to be fast, short enough to report progress. */
const pagesPerStep = 4096;

/** Copies a pinned database into a new file. */
export async function copyPages(pinned: Database, destination: string, context: TaskContext): Promise<void> {
  const result = await pinned.backup(destination, {
    progress: ({ totalPages, remainingPages }) => {
      context.report({ phase: 'copying', done: totalPages - remainingPages, total: totalPages, unit: 'pages' });
      return pagesPerStep;
    },
  });
  if (result.totalPages === 0 || result.remainingPages !== 0) {
    throw new BackupError('database_busy', 'The database stayed locked while it was to be copied.');
  }
}

/** Makes a staged copy a standalone database, checks it against its source, and syncs it. */
export async function finishSnapshot(
  source: DatabaseFacts,
  { destination, level, requiredTables }: SnapshotInput,
  context: TaskContext,
): Promise<Snapshot> {
  leaveWalMode(destination);
  const startedAt = performance.now();
  context.report({ phase: 'verifying', done: 0, total: source.size, unit: 'bytes' });
  const { sha256, result } = await hashWhile(destination, context, () =>
    checkSnapshot(destination, source, level, requiredTables),
  );
  syncFile(destination);
  return {
    size: statSync(destination).size,
    sha256,
    source,
    ...result,
    verificationMs: level === 'none' ? 0 : Math.round(performance.now() - startedAt),
  };
}

/** A rollback-mode file needs no -wal and no -shm: it can be copied, moved and opened alone. */
export function leaveWalMode(file: string): void {
  const database = openPrivate(file, { readonly: false });
  try {
    const mode = database.pragma('journal_mode = DELETE', { simple: true });
    if (mode !== 'delete') throw new Error(`The copy stayed in journal mode ${String(mode)}.`);
  } finally {
    database.close();
  }
}

export function syncFile(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function checkSnapshot(
  file: string,
  source: DatabaseFacts,
  level: SnapshotInput['level'],
  requiredTables: readonly string[],
): { tables: TableRows; verification: VerificationReport } {
  const report = new ReportBuilder();
  checkHeader(file, report, { standalone: true });
  const database = openPrivate(file, { readonly: true });
  try {
    checkLength(database, file, report);
    checkSchema(database, source.schemaSha256, report);
    if (level !== 'none') checkIntegrity(database, report, { level, strict: false });
    if (level === 'full') checkForeignKeys(database, report);
    const tables = countRows(database);
    checkRequiredTables(tables, requiredTables, report);
    return { tables, verification: report.build() };
  } finally {
    database.close();
  }
}
