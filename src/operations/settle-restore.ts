import { rm } from 'node:fs/promises';
import type { JournalEntry } from '../coordination/journal.js';
import type { EngineContext, LiveFacts } from '../engines/engine.js';
import { BackupError } from '../errors.js';
import type { InterruptedRestore, LiveContent } from '../events/outcomes.js';
import { incomingFile } from './incoming-file.js';
import type { OperationParts } from './operation-parts.js';

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
  await journal.end();
  // Its outcome was recorded; only the end of the journal was missing.
  if (!interrupted) return null;
  const { operation, startedAt, startedBy } = entry;
  const report = { operation, startedAt, startedBy, ...left };
  events.emit('restore.interrupted', report);
  return report;
}

type Left = Pick<InterruptedRestore, 'restored' | 'only' | 'live' | 'safetyBackup'>;

/** What the live database has now, as far as it can be known. */
export async function whatIsLeft({ engine }: OperationParts, entry: JournalEntry): Promise<Left> {
  const { restored, safetyBackup } = entry;
  const only = entry.only === null ? {} : { only: entry.only };
  // Nothing is replaced before the safety backup is named.
  if (safetyBackup === null) return { restored, ...only, live: 'old', safetyBackup };
  const context: EngineContext = {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    lockFile: null,
  };
  const live = await engine.inspectLive(context).catch((error: unknown) => {
    if (error instanceof BackupError) return null;
    throw error;
  });
  return { restored, ...only, live: contentOf(live, entry), safetyBackup };
}

/**
 * The commit of a restore raises the schema cookie by one, and nothing lowers it. An application that changed its schema
 * meanwhile has raised it too; then nobody can tell.
 */
function contentOf(live: LiveFacts | null, { before, schemaSha256 }: JournalEntry): LiveContent {
  if (live === null) return before === null ? 'old' : 'unknown';
  const restored = live.schemaSha256 === schemaSha256;
  if (before === null) return restored ? 'new' : 'unknown';
  if (live.schemaCookie === before.schemaCookie) return 'old';
  return restored && live.schemaCookie === before.schemaCookie + 1 ? 'new' : 'unknown';
}
