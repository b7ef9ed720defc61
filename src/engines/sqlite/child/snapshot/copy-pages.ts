import { BackupError } from '../../../../errors.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { TaskContext } from '../task.js';

/** 16 MiB at the usual page size: long enough to be fast, short enough to report progress. */
const pagesPerStep = 4096;

/**
 * Copies a pinned database into a new file, page by page, by SQLite's backup API. Success is only a copy that had
 * pages and has none left.
 */
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
