import { join } from 'node:path';
import type { StagedRestore } from '../../engines/database-content.js';
import type { LiveFacts } from '../../engines/live-database.js';
import { BackupError } from '../../errors.js';
import type { Receipt } from '../../events/outcomes.js';
import { longestNotes } from '../../options/notes.js';
import { missingTables } from '../../system/missing-tables.js';
import type { Manifest } from '../../vault/manifest.js';
import { requiredTablesOf } from '../content/required-tables.js';
import { rowsOf } from '../content/rows-of.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationContext, OperationRun } from '../run/operation-spec.js';
import { withSpace } from '../staging/require-space.js';
import { stageBackup } from '../staging/stage-backup.js';
import { replaceLive } from './replace-live.js';
import type { Replacement } from './replacement.js';
import { requireCompatible } from './require-compatible.js';
import { rollBack } from './roll-back.js';
import { settleRestore } from './settle-restore.js';
import { underJournal } from './under-journal.js';

export interface RestoreInput extends Caller {
  /** SHA-256 (hex) the backup must still have. */
  readonly ifSha256?: readonly string[] | undefined;
  /** Restores an uploaded backup although it brings triggers or views that the live database does not have. */
  readonly acceptNewTriggers?: boolean | undefined;
  /** Replaces the rows of these tables alone; the schema and everything else stays as it is. */
  readonly tables?: readonly string[] | undefined;
}

/**
 * 1. Copies the backup to a private place and verifies the copy in full against its manifest.
 * 2. Refuses what belongs to another application or brings code nobody asked for.
 * 3. Writes into the journal what is about to happen.
 * 4. Has the engine replace the live content; under its write lock the safety backup is taken, verified, published.
 * 5. If the live database does not pass its check afterwards, puts the safety backup back.
 *
 * Until the fourth step ends, a failure or an abort leaves the live database as it was.
 */
export function restoreBackup(parts: OperationParts, nameOrLatest: string, input: RestoreInput): OperationRun<Receipt> {
  const spec = {
    type: 'restore',
    by: callerName(input),
    from: input.from,
    file: nameOrLatest,
    exclusive: true,
    signal: input.signal,
    failedEvent: 'restore.failed',
  } as const;
  return parts.runner.run(spec, async (context) => {
    const { filename, manifest } = await parts.vault.manifest(nameOrLatest);
    context.concerns(filename);
    const release = parts.vault.hold(filename);
    try {
      await settleRestore(parts);
      const receipt = await restoreHeld(parts, filename, manifest, input, context);
      if (input.tables === undefined && manifest !== null) await endMigrationBefore(parts, manifest);
      parts.events.emit('restore.finished', receipt);
      return receipt;
    } finally {
      release();
    }
  });
}

/** What an unfinished migration has left is gone with a backup from before it. A note that stays is told until the next one. */
async function endMigrationBefore({ migration, runner }: OperationParts, { createdAt }: Manifest): Promise<void> {
  try {
    const unfinished = migration.unfinished();
    if (unfinished !== null && Date.parse(createdAt) <= Date.parse(unfinished.startedAt)) await migration.end();
  } catch (error) {
    runner.told(error);
  }
}

async function restoreHeld(
  parts: OperationParts,
  filename: string,
  manifest: Manifest | null,
  input: RestoreInput,
  context: OperationContext,
): Promise<Receipt> {
  const startedAt = performance.now();
  if (manifest === null)
    throw new BackupError('backup_damaged', `${filename} has no manifest: nothing says what it should contain.`);
  if (input.ifSha256 !== undefined && !input.ifSha256.includes(manifest.sha256))
    throw new BackupError('backup_changed', `${filename} is not the one that was named in If-Match.`);
  // A staged copy, a safety backup, and a write-ahead log that grows to the size of the backup.
  const bytes = 2 * manifest.size + ((await unlessUnreadable(parts, parts.engine.liveBytes())) ?? 0);
  return withSpace(parts.vault, bytes, async () => {
    const staged = join(context.staging, `restore.${parts.engine.extension}`);
    const source = await stageBackup(parts, manifest, staged, context);
    const inspecting = parts.engine.inspectLive(context.engine);
    const live = input.tables === undefined ? await unlessReplaced(parts, source, inspecting) : await inspecting;
    const tables = input.tables && [...new Set(input.tables)];
    // With rows alone comes no trigger, and no table goes.
    const wanted = tables === undefined ? requiredTablesOf(parts, manifest.kind) : [];
    const acceptNewTriggers = input.acceptNewTriggers === true || tables !== undefined;
    const warnings = requireCompatible(manifest, source, live, { acceptNewTriggers, requiredTables: wanted });
    // What it may lack it need not have afterwards either.
    const requiredTables = wanted.filter((table) => missingTables([table], source.tables).length === 0);
    const what = tables === undefined ? '' : ` (${tables.join(', ')})`;
    const notes = `Replaced by ${filename}${what}`.slice(0, longestNotes);
    const done = await underJournal(parts, async () => {
      const replacement = await replaceLive(
        parts,
        { filename, staged, source, rows: manifest.tables, live, notes, requiredTables, tables },
        context,
      );
      if (replacement.report.problems.length > 0) await rollBack(parts, filename, replacement, context);
      return replacement;
    });
    const receipt = toReceipt(filename, done, warnings, performance.now() - startedAt);
    return tables === undefined ? receipt : { ...receipt, only: tables };
  });
}

/** null: the file is replaced. An open connection keeps the text encoding that it began with, and nothing is lost with an empty one. */
async function unlessReplaced(
  parts: OperationParts,
  { facts }: StagedRestore,
  inspecting: Promise<LiveFacts>,
): Promise<LiveFacts | null> {
  const live = await unlessUnreadable(parts, inspecting);
  const isOther = live?.isEmpty === true && live.textEncoding !== facts?.textEncoding;
  return isOther && parts.options.connection !== undefined ? null : live;
}

/** null: the live file is missing or no database, and the host said how it can be replaced. */
async function unlessUnreadable<Facts>({ options }: OperationParts, reading: Promise<Facts>): Promise<Facts | null> {
  try {
    return await reading;
  } catch (error) {
    const unreadable = error instanceof BackupError && /^(offline_restore_required|database_missing)$/.test(error.code);
    if (unreadable && options.connection !== undefined) return null;
    throw error;
  }
}

function toReceipt(
  restored: string,
  { safety, report, restartRequired }: Replacement,
  warnings: readonly string[],
  durationMs: number,
): Receipt {
  const { tablesBefore, tablesAfter } = report;
  const names = [...new Set([...Object.keys(tablesBefore), ...Object.keys(tablesAfter)])].sort();
  return {
    restored,
    safetyBackup: safety.filename,
    checks: report.checks,
    tables: Object.fromEntries(
      names.map((name) => [name, { before: rowsOf(tablesBefore, name), after: rowsOf(tablesAfter, name) }]),
    ),
    warnings: [...warnings, ...report.warnings],
    checkpointPending: report.checkpointPending,
    durationMs: Math.round(durationMs),
    restartRequired,
  };
}
