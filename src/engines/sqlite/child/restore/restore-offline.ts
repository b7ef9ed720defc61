import { chmodSync, constants, copyFileSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { DatabaseFacts, Snapshot, VerificationReport } from '../../../database-content.js';
import type { RestoreOfflineInput, RestoreReport, SafetyPublication } from '../../../restore-report.js';
import { openPrivate } from '../database/open-database.js';
import { countRows, readFacts } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import { checkAfterRestore, type RestoredContent } from './check-after-restore.js';
import { keepJournalMode, logs, place, replace, sidecars } from './replace-file.js';
import { requireUnused } from './require-unused.js';
import { loadPublication } from './restore-live.js';

export interface OfflineTask extends RestoreOfflineInput {
  readonly live: string;
  readonly publication: SafetyPublication;
}

/**
 * Puts a backup in the place of a live file that SQLite cannot open. Nobody may have it open.
 *
 * 1. Refuses while another process has it open.
 * 2. Copies the file and its logs as they are, and publishes them as the safety backup.
 * 3. Makes the new file beside the live one, checks it there, and brings it to the disk. Nothing is ever put back for a
 *    destroyed file, so what could go wrong with the check goes wrong before anything is replaced.
 * 4. Removes the old logs, which SQLite would apply to the new file, and only then renames it into place.
 *
 * A crash in the last step leaves the damaged file without its logs, or the new one; the safety backup has both.
 */
export async function restoreOffline(input: OfflineTask, context: TaskContext): Promise<RestoreReport> {
  const publish = await loadPublication(input.publication);
  const { live, source, incoming, requiredTables } = input;
  const { facts, rows } = readSource(source);
  requireUnused(live, sidecars);
  const snapshot = await copyAsItIs(input, facts.engineVersion, context);
  const safety = await context.unstoppable(() => publish(snapshot));
  try {
    context.report({ phase: 'replacing', done: 0, total: facts.size, unit: 'bytes' });
    place(source, incoming, live);
    const found = requireSound(incoming, { facts, rows, replacedCookie: null }, requiredTables);
    keepJournalMode(incoming, live);
    await context.sync(incoming);
    requireUnused(live, sidecars);
    context.commit();
    replace(incoming, live);
    return {
      safety,
      ...found,
      problems: [],
      tablesBefore: {},
      tablesAfter: rows,
      checkpointPending: false,
    };
  } finally {
    rmSync(incoming, { force: true });
  }
}

/**
 * Nobody else knows the file yet: what would be the application's doing in a live one is a broken copy here. A check that
 * needs the application's own functions says nothing against it; the backup passed in the same way.
 */
function requireSound(
  incoming: string,
  content: RestoredContent,
  requiredTables: readonly string[],
): Pick<VerificationReport, 'checks' | 'warnings'> {
  const { checks, problems, warnings } = checkAfterRestore(incoming, content, requiredTables);
  const { quick_check: pages, ...others } = checks;
  const isWhole = pages === 'passed' || pages === 'warning';
  if (isWhole && Object.values(others).every((outcome) => outcome === 'passed')) return { checks, warnings };
  throw new Error(`The copy beside the live file is not what was copied: ${[...problems, ...warnings].join(' ')}`);
}

function readSource(file: string): { facts: DatabaseFacts; rows: Readonly<Record<string, number>> } {
  const source = openPrivate(file, { readonly: true });
  try {
    return { facts: readFacts(source), rows: countRows(source) };
  } finally {
    source.close();
  }
}

/** No SQLite of this process has these files open, so reading them drops no lock. */
async function copyAsItIs(
  { live, safetyDestination }: OfflineTask,
  engineVersion: string,
  context: TaskContext,
): Promise<Snapshot> {
  context.report({ phase: 'securing', done: 0, total: 0, unit: 'bytes' });
  if (existsSync(live)) copyFileSync(live, safetyDestination, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  else writeFileSync(safetyDestination, '', { flag: 'wx' });
  const kept = logs.filter((suffix) => existsSync(live + suffix));
  for (const suffix of kept) copyFileSync(live + suffix, safetyDestination + suffix, constants.COPYFILE_EXCL);
  for (const suffix of ['', ...kept]) {
    chmodSync(safetyDestination + suffix, 0o600);
    await context.sync(safetyDestination + suffix);
  }
  const { size } = statSync(safetyDestination);
  const problem = 'SQLite could not open the live file; this is its copy as it was, and nothing of it was verified.';
  const unknown = { pageSize: 0, pageCount: 0, userVersion: 0, applicationId: 0, schemaSha256: '' };
  return {
    size,
    sha256: await context.hash(safetyDestination),
    source: { ...unknown, size, engineVersion, ...(kept.length > 0 && { logs: kept }) },
    tables: {},
    verification: { ok: false, checks: { header: 'failed' }, problems: [problem], warnings: [] },
    verificationMs: 0,
  };
}
