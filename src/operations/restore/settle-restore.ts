import { rm } from 'node:fs/promises';
import type { JournalEntry } from '../../coordination/journal.js';
import type { TableRows } from '../../engines/database-content.js';
import type { EngineContext } from '../../engines/engine.js';
import { BackupError } from '../../errors.js';
import type { InterruptedRestore, LiveContent } from '../../events/outcomes.js';
import { rowsOf } from '../content/rows-of.js';
import type { OperationParts } from '../operation-parts.js';
import { incomingFile } from './incoming-file.js';

/** A start waits no longer for a look than this. */
const longestLookMs = 60_000;
/** Of all rows, what an application may have written since a restore whose process was killed. */
const fewRows = 0.1;

/**
 * Finds out what a restore left whose process ended before its outcome was known, writes it into the record of the
 * operation, and closes the journal. The safety backup stays. Call it while no other changing operation can run.
 * @returns null when there is no such restore
 */
export async function settleRestore(parts: OperationParts): Promise<InterruptedRestore | null> {
  const { journal, runner, events } = parts;
  const entry = journal.read();
  if (entry === null) return null;
  const left = await whatIsLeft(parts, entry);
  const interrupted = await runner.explain(entry.operation, left);
  // The path is made anew: what a journal says, somebody else may have written.
  if (entry.incoming !== null) await rm(incomingFile(parts.engine.liveFile ?? '', entry.operation), { force: true });
  // Its outcome was recorded; only the end of the journal was missing.
  const hasSucceeded = !interrupted && (await runner.get(entry.operation).catch(() => null))?.state === 'succeeded';
  await journal.end(hasSucceeded ? 'new' : left.live);
  if (!interrupted) return null;
  const { operation, startedAt, startedBy } = entry;
  const report = { operation, startedAt, startedBy, ...left };
  events.emit('restore.interrupted', report);
  return report;
}

type Left = Pick<InterruptedRestore, 'restored' | 'only' | 'live' | 'safetyBackup'>;

/** What the live database has now, as far as it can be known. */
export async function whatIsLeft(parts: OperationParts, entry: JournalEntry): Promise<Left> {
  const { restored, safetyBackup, undoes } = entry;
  const only = entry.only === null ? {} : { only: entry.only };
  // Nothing is replaced before the safety backup is named.
  const live = safetyBackup === null ? 'old' : await contentOf(parts, entry, safetyBackup);
  if (undoes !== null) return { ...undoes, live: opposites[live] };
  return { restored, ...only, live, safetyBackup };
}

/** As long as a roll-back has not happened, the restore has. */
const opposites = { old: 'new', new: 'old', unknown: 'unknown' } as const;

/**
 * The commit of a restore raises the schema cookie, and nothing lowers it. An application that changed its schema
 * meanwhile has raised it too; then nobody can tell, unless it was raised by more than that would.
 */
async function contentOf(parts: OperationParts, entry: JournalEntry, safetyBackup: string): Promise<LiveContent> {
  const { before, only, raisesCookieBy, schemaSha256 } = entry;
  const live = await parts.engine.inspectLive(quiet(new AbortController().signal)).catch(whyUnseen);
  if (live === 'unreadable') return before === null ? 'old' : 'unknown';
  if (live === 'unseen') return 'unknown';
  const byContent = async (): Promise<LiveContent> =>
    live.schemaSha256 === schemaSha256 && (await hasRowsOf(parts, entry, safetyBackup)) ? 'new' : 'unknown';
  // Where a file was missing or destroyed an application that starts makes its tables anew, without any rows.
  if (before === null) return byContent();
  const raised = live.schemaCookie - before.schemaCookie;
  if (raised === 0) return 'old';
  if (only !== null && raised > 0) return raised < raisesCookieBy ? 'old' : 'new';
  return raised === raisesCookieBy ? byContent() : 'unknown';
}

/** One that is locked is there: that it cannot be seen now says nothing of what is in it. */
function whyUnseen(error: unknown): 'unreadable' | 'unseen' {
  if (!(error instanceof BackupError)) throw error;
  return /^(offline_restore_required|database_missing)$/.test(error.code) ? 'unreadable' : 'unseen';
}

/**
 * An application that begins with making its tables raises the cookie by one too, and so does a `VACUUM`. Then many rows
 * of the backup are not there, and the others are nearer to those that were; a few may have come or gone since.
 */
async function hasRowsOf(
  { vault, engine }: OperationParts,
  { rows }: JournalEntry,
  safetyBackup: string,
): Promise<boolean> {
  const { manifest } = await vault.manifest(safetyBackup).catch(() => ({ manifest: null }));
  const context = quiet(AbortSignal.timeout(longestLookMs));
  // What takes too long to be counted cannot be told.
  const found = await engine.examine({ count: true, minimumRows: {} }, context).catch(() => null);
  if (manifest === null || found === null) return false;
  const missed = distance(found.rows, rows);
  return missed <= fewRows * distance({}, rows) || missed <= distance(found.rows, manifest.tables);
}

const distance = (one: TableRows, other: TableRows): number =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .map((table) => Math.abs((rowsOf(one, table) ?? 0) - (rowsOf(other, table) ?? 0)))
    .reduce((sum, difference) => sum + difference, 0);

const quiet = (signal: AbortSignal): EngineContext => ({ signal, onProgress: () => undefined, lockFile: null });
