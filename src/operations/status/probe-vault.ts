import { toBackupError } from '../../errors.js';
import type { OperationParts } from '../operation-parts.js';

/** null: the vault cannot be written to now, so there was nothing to look at. */
export async function probeVault(
  { vault, runner }: OperationParts,
  look: (file: string) => Promise<boolean>,
): Promise<boolean | null> {
  try {
    const { staging } = await runner.instance();
    return await vault.withProbe(look, staging);
  } catch (error) {
    const told = toBackupError(error);
    if (told.code === 'vault_read_only' || told.code === 'insufficient_storage' || told.code === 'operation_cancelled')
      return null;
    throw error;
  }
}
