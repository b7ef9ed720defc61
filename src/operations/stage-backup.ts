import type { StagedRestore } from '../engines/engine.js';
import { BackupError } from '../errors.js';
import type { Manifest } from '../vault/manifest.js';
import { expectedContent } from './expected-content.js';
import type { OperationParts } from './operation-parts.js';
import type { OperationContext } from './operation-runner.js';
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

/** A private copy that passed. @throws BackupError `backup_damaged` */
export async function stageBackup(
  parts: OperationParts,
  manifest: Manifest,
  destination: string,
  context: OperationContext,
): Promise<StagedRestore> {
  const { filename } = manifest;
  const staged = await stageCopy(parts, manifest, destination, context);
  const { ok, problems } = staged.verification;
  if (!ok)
    throw new BackupError('backup_damaged', `${filename} did not pass verification: ${problems.join(' ')}`, {
      facts: { problems },
    });
  return staged;
}
