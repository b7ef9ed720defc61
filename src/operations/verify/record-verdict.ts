import type { VerifyOutcome } from '../../events/outcomes.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';

/**
 * Writes a verdict into the manifest of its backup. It is true whether or not it can be written down; on a read-only disk
 * it is told with a warning.
 * @throws BackupError `backup_not_found`
 */
export async function recordVerdict(
  { vault, clock, runner }: OperationParts,
  outcome: VerifyOutcome,
  { staging }: Pick<OperationContext, 'staging'>,
): Promise<VerifyOutcome> {
  const { ok, level, problems, durationMs, restoreMs } = outcome;
  const drill = restoreMs === undefined ? {} : { restoreMs };
  const verification = { level, ok, at: clock().toISOString(), problems: [...problems], durationMs, ...drill };
  try {
    await vault.update(outcome.filename, (manifest) => ({ ...manifest, verification }), staging);
    return outcome;
  } catch (error) {
    const told = runner.told(error);
    if (told.code === 'backup_not_found') throw told;
    return { ...outcome, warnings: [...outcome.warnings, 'The verdict could not be written into the manifest.'] };
  }
}
