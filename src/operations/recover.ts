import type { OperationParts } from './operation-parts.js';

/**
 * Clears up what a crash left, of services that are gone and of nobody else:
 * 1. their staging directories,
 * 2. manifests whose file was never published, or was removed already,
 * 3. the records of operations that nobody runs any more.
 */
export async function recover({ runner, vault }: OperationParts, sweepStaging: () => Promise<void>): Promise<void> {
  await runner.instance();
  await sweepStaging();
  await vault.sweep(() => runner.isChanging());
  await runner.recover();
}
