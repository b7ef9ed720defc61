import { loadBetterSqlite3 } from '../../../../system/load-better-sqlite3.js';
import type { Rehearsal, RehearseInput } from '../../../engine.js';
import type { TaskContext } from '../task.js';
import { restoreLive } from './restore-live.js';

/** The scratch database is nobody else's, so its write lock is free. */
const waitMs = 1_000;

/**
 * Restores into a scratch database by the code that restores into the live one. What the scratch held is of interest
 * to nobody, so its safety snapshot is taken and published nowhere.
 */
export async function rehearseRestore(input: RehearseInput, context: TaskContext): Promise<Rehearsal> {
  makeScratch(input.scratch);
  const startedAt = performance.now();
  const publication = { module: new URL('./publish-nowhere.js', import.meta.url).href, input: null };
  const { checks, problems, warnings } = await restoreLive(
    { ...input, live: input.scratch, publication, waitMs },
    context,
  );
  const restoreMs = Math.round(performance.now() - startedAt);
  return { report: { ok: problems.length === 0, checks, problems, warnings }, restoreMs };
}

/** As a live database is: with a write-ahead log, and not without content. */
function makeScratch(file: string): void {
  const database = new (loadBetterSqlite3())(file);
  try {
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE scratch (id)');
  } finally {
    database.close();
  }
}
