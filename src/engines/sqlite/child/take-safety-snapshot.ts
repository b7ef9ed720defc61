import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BackupError } from '../../../errors.js';
import type { DatabaseFacts, Progress, Snapshot } from '../../engine.js';
import { ReportBuilder } from '../../report-builder.js';
import { checkHeader } from './check-content.js';
import { saysBusy } from './describe-error.js';
import { openPrivate, pinLive } from './open-database.js';
import { readFacts } from './read-facts.js';
import type { RestoreTask } from './restore-live.js';
import { copyPages, finishSnapshot } from './take-snapshot.js';
import type { TaskContext } from './task.js';

/**
 * Copies the live database while the restore holds its write lock, so that every commit that was ever acknowledged is
 * in the copy (design, fact 6). A damaged live database is copied as it is: the verdict says so, and does not stop
 * the restore that is to mend it.
 */
export async function takeSafetySnapshot(input: RestoreTask, context: TaskContext): Promise<Snapshot> {
  const securing = {
    ...context,
    report: (progress: Progress) => context.report({ ...progress, phase: 'securing' }),
  };
  const source = await copyPinned(input, securing).catch((error: unknown) => {
    if (saysBusy(error)) return copyQuiescent(input);
    throw error;
  });
  return finishSnapshot(source, { destination: input.safetyDestination, level: 'quick', requiredTables: [] }, securing);
}

async function copyPinned({ live, safetyDestination }: RestoreTask, context: TaskContext): Promise<DatabaseFacts> {
  // Only the lock that is held tells the journal mode: it lets readers in if there is a write-ahead log, and nobody else.
  const pinned = pinLive(live, 0);
  try {
    const facts = readFacts(pinned);
    await copyPages(pinned, safetyDestination, context);
    return facts;
  } finally {
    pinned.close();
  }
}

/**
 * With a rollback journal the restore's lock shuts out every reader too, and this process must not open the file
 * beside SQLite (design, fact 8); another process copies it, and nobody can write meanwhile.
 */
function copyQuiescent({ live, safetyDestination }: RestoreTask): DatabaseFacts {
  const copier = fileURLToPath(new URL('./copy-file.js', import.meta.url));
  execFileSync(process.execPath, [copier, live, safetyDestination], { stdio: ['ignore', 'ignore', 'ignore'] });
  requireRollbackMode(safetyDestination);
  const copy = openPrivate(safetyDestination, { readonly: true });
  try {
    return readFacts(copy);
  } finally {
    copy.close();
  }
}

/** Of a database with a write-ahead log the file alone is not all of it. */
function requireRollbackMode(file: string): void {
  const report = new ReportBuilder();
  checkHeader(file, report, { standalone: true });
  if (!report.ok)
    throw new BackupError('database_busy', 'The live database changed its journal mode while it was to be copied.');
}
