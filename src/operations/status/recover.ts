import { requireLocks } from '../../coordination/require-locks.js';
import type { StartReport } from '../../events/outcomes.js';
import type { OperationParts } from '../operation-parts.js';
import { settleRestore } from '../restore/settle-restore.js';

/**
 * Makes sure that locks work where the vault lies, then clears up what a crash left, of services that are gone and of nobody else:
 * 1. their staging directories,
 * 2. manifests whose file was never published, or was removed already,
 * 3. the journal of a restore that was interrupted, after it was found out what the live database has now,
 * 4. the records of operations that nobody runs any more.
 */
export async function recover(
  parts: OperationParts,
  sweepStaging: () => Promise<void>,
): Promise<Pick<StartReport, 'interruptedRestore'>> {
  const { runner, vault, journal, place } = parts;
  const { lockFile, staging } = await runner.instance();
  await requireLocks(place.stateDirectory, lockFile, staging);
  await sweepStaging();
  await vault.sweep(() => runner.isChanging());
  // While an operation runs, the journal is that of a living restore.
  const settled = journal.read() === null ? null : await runner.whileIdle(() => settleRestore(parts));
  await runner.recover();
  return { interruptedRestore: settled ?? null };
}
