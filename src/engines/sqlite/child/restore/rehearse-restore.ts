import { loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { Rehearsal, RehearseInput } from '../../../restore-report.js';
import { openPrivate } from '../database/open-database.js';
import type { TaskContext } from '../task.js';
import { restoreLive } from './restore-live.js';

/** The scratch database is nobody else's, so its write lock is free. */
const waitMs = 1_000;

/**
 * Restores into a scratch database by the code that restores into the live one. What the scratch held is of interest
 * to nobody, so its safety snapshot is taken and published nowhere.
 */
export async function rehearseRestore(input: RehearseInput, context: TaskContext): Promise<Rehearsal> {
  makeScratch(input.scratch, readPageSize(input.source));
  const startedAt = performance.now();
  const publication = { module: new URL('./publish-nowhere.js', import.meta.url).href, input: null };
  const { checks, problems, warnings } = await restoreLive(
    { ...input, live: input.scratch, publication, waitMs },
    context,
  );
  const restoreMs = Math.round(performance.now() - startedAt);
  return { report: { ok: problems.length === 0, checks, problems, warnings }, restoreMs };
}

function readPageSize(file: string): number {
  const database = openPrivate(file, { readonly: true });
  try {
    return Number(database.pragma('page_size', { simple: true }));
  } finally {
    database.close();
  }
}

/**
 * As a live database is: with a write-ahead log, and not without content. With pages of another size all would be written
 * anew, for which an index may need functions that only the application has.
 */
function makeScratch(file: string, pageSize: number): void {
  const database = new (loadBetterSqlite3())(file);
  try {
    database.pragma(`page_size = ${pageSize}`);
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE scratch (id)');
  } finally {
    database.close();
  }
}
