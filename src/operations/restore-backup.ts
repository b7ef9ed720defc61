import { join } from 'node:path';
import type { RestoreReport, StagedRestore } from '../engines/engine.js';
import { BackupError } from '../errors.js';
import type { Backup } from '../vault/backup.js';
import type { Manifest } from '../vault/manifest.js';
import { expectedContent } from './expected-content.js';
import { type Caller, callerName, type OperationParts } from './operation-parts.js';
import type { OperationContext, OperationRun } from './operation-runner.js';
import type { Receipt } from './outcomes.js';
import type { PublishSafetyInput } from './publish-safety.js';
import { requireCompatible } from './require-compatible.js';
import { withSpace } from './require-space.js';
import { rowsOf } from './rows-of.js';
import { unlessRemoved } from './unless-removed.js';

const publishSafetyModule = new URL('./publish-safety.js', import.meta.url).href;

export interface RestoreInput extends Caller {
  /** SHA-256 (hex) the backup must still have. */
  readonly ifSha256?: readonly string[] | undefined;
  /** Restores an uploaded backup although it brings triggers or views that the live database does not have. */
  readonly acceptNewTriggers?: boolean | undefined;
}

/**
 * 1. Copies the backup to a private place and verifies the copy in full against its manifest.
 * 2. Refuses what belongs to another application or brings code nobody asked for.
 * 3. Has the engine replace the live content; under its write lock the safety backup is taken, verified, published.
 * 4. If the live database does not pass its check afterwards, puts the safety backup back.
 *
 * Until the third step ends, a failure or an abort leaves the live database as it was.
 */
export function restoreBackup(parts: OperationParts, nameOrLatest: string, input: RestoreInput): OperationRun<Receipt> {
  const spec = {
    type: 'restore',
    by: callerName(input),
    exclusive: true,
    signal: input.signal,
    failedEvent: 'restore.failed',
  } as const;
  return parts.runner.run(spec, async (context) => {
    const { filename, manifest } = await parts.vault.manifest(nameOrLatest);
    const release = parts.vault.hold(filename);
    try {
      const receipt = await restoreHeld(parts, filename, manifest, input, context);
      parts.events.emit('restore.finished', receipt);
      return receipt;
    } finally {
      release();
    }
  });
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
  const bytes = 2 * manifest.size + (await parts.engine.liveBytes());
  return withSpace(parts.vault, bytes, async () => {
    const staged = join(context.staging, `restore.${parts.engine.extension}`);
    const source = await stage(parts, filename, manifest, staged, context);
    const live = await parts.engine.inspectLive(context.engine);
    const { requiredTables } = parts.options;
    const acceptNewTriggers = input.acceptNewTriggers === true;
    const warnings = requireCompatible(manifest, source, live, { acceptNewTriggers, requiredTables });
    const { report, safety } = await replaceLive(parts, staged, `Replaced by ${filename}`, context);
    if (report.problems.length > 0) await rollBack(parts, filename, safety, report, context);
    return toReceipt(filename, safety, report, [...warnings, ...report.warnings], performance.now() - startedAt);
  });
}

async function stage(
  { engine, vault }: OperationParts,
  filename: string,
  manifest: Manifest,
  destination: string,
  context: OperationContext,
): Promise<StagedRestore> {
  const expected = expectedContent(engine, manifest);
  const staging = engine.stage({ file: vault.localPath(filename), destination, expected }, context.engine);
  const staged = await unlessRemoved(vault, filename, staging);
  const { ok, problems } = staged.verification;
  if (!ok)
    throw new BackupError('backup_damaged', `${filename} did not pass verification: ${problems.join(' ')}`, {
      facts: { problems },
    });
  return staged;
}

interface Replacement {
  readonly report: RestoreReport;
  readonly safety: Backup;
}

async function replaceLive(
  parts: OperationParts,
  staged: string,
  notes: string,
  context: OperationContext,
): Promise<Replacement> {
  const { engine, options, place } = parts;
  const safetyDestination = join(context.staging, `safety-${performance.now()}.${engine.extension}`);
  const publication: PublishSafetyInput = {
    place,
    engine: { name: engine.name, sourceName: engine.sourceName },
    file: safetyDestination,
    staging: context.staging,
    createdBy: context.operation.startedBy,
    notes,
  };
  const { requiredTables, limits } = options;
  const report = await engine.restore(
    { source: staged, safetyDestination, requiredTables, waitMs: limits.restoreWaitMs },
    { module: publishSafetyModule, input: publication },
    context.engine,
  );
  return { report, safety: report.safety as Backup };
}

/** @throws BackupError `restore_rolled_back`, always: the restore that was asked for did not happen */
async function rollBack(
  parts: OperationParts,
  filename: string,
  safety: Backup,
  report: RestoreReport,
  context: OperationContext,
): Promise<never> {
  context.phase('rolling back');
  const facts = { restored: filename, safetyBackup: safety.filename, problems: report.problems };
  try {
    const { manifest } = await parts.vault.manifest(safety.filename);
    if (manifest === null) throw new Error('The safety backup has lost its manifest.');
    const staged = join(context.staging, `roll-back.${parts.engine.extension}`);
    await stage(parts, safety.filename, manifest, staged, context);
    const undone = await replaceLive(parts, staged, `Replaced when the restore of ${filename} was undone`, context);
    if (undone.report.problems.length > 0) throw new Error(undone.report.problems.join(' '));
  } catch (cause) {
    throw new BackupError(
      'roll_back_failed',
      `After the restore of ${filename} the database did not pass its check; ${safety.filename} holds what it was before.`,
      { facts, cause },
    );
  }
  throw new BackupError(
    'restore_rolled_back',
    `After the restore of ${filename} the database did not pass its check; ${safety.filename} was put back.`,
    { facts },
  );
}

function toReceipt(
  restored: string,
  safety: Backup,
  report: RestoreReport,
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
    warnings,
    checkpointPending: report.checkpointPending,
    durationMs: Math.round(durationMs),
    restartRequired: false,
  };
}
