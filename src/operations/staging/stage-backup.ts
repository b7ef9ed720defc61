import type { StagedRestore } from '../../engines/database-content.js';
import { BackupError } from '../../errors.js';
import { newestRestorable } from '../../health/assess-backups.js';
import { commands } from '../../health/finding.js';
import type { Manifest } from '../../vault/manifest.js';
import { expectedContent } from '../content/expected-content.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';
import { recordVerdict } from '../verify/record-verdict.js';
import { unlessRemoved } from './unless-removed.js';

/** A private copy of a backup, and what verifying it in full against its manifest has found. */
export function stageCopy(
  { engine, vault }: OperationParts,
  manifest: Manifest,
  destination: string,
  context: OperationContext,
): Promise<StagedRestore> {
  const { filename } = manifest;
  const expected = expectedContent(engine, manifest);
  const staging = engine.stage({ file: vault.localPath(filename), destination, expected }, context.engine);
  return unlessRemoved(vault, filename, staging);
}

/**
 * A private copy that passed. What did not is known to be damaged from here on, so that nobody is sent to it again.
 * @throws BackupError `backup_damaged`, with the newest other `backup` that is not known to be, and the `command` for it
 */
export async function stageBackup(
  parts: OperationParts,
  manifest: Manifest,
  destination: string,
  context: OperationContext,
): Promise<StagedRestore> {
  const { filename } = manifest;
  const startedAt = performance.now();
  const staged = await stageCopy(parts, manifest, destination, context);
  const { verification } = staged;
  if (verification.ok) return staged;
  const durationMs = Math.round(performance.now() - startedAt);
  const outcome = { filename, level: 'full', ...verification, durationMs } as const;
  parts.events.emit('backup.damaged', await recordVerdict(parts, outcome, context));
  throw await damagedBackup(parts, filename, verification.problems);
}

async function damagedBackup(
  { vault, options, runner }: OperationParts,
  filename: string,
  problems: readonly string[],
): Promise<BackupError> {
  const backups = await vault.list().catch((error: unknown) => {
    runner.told(error);
    return [];
  });
  // On a read-only disk no manifest says what was found.
  const others = backups.filter((backup) => backup.filename !== filename);
  const other = newestRestorable(others, options)?.filename;
  const what = `${filename} did not pass verification: ${problems.join(' ')}`;
  if (other === undefined) return new BackupError('backup_damaged', what, { facts: { problems } });
  const command = commands.restore(other);
  const way = `${other} is the newest other one that is not known to be damaged. Run: ${command}`;
  return new BackupError('backup_damaged', `${what} ${way}`, { facts: { problems, backup: other, command } });
}
