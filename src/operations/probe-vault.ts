import { toBackupError } from '../errors.js';
import type { OperationParts } from './operation-parts.js';

/** A vault that cannot be written to now was looked at when it was made, or holds nothing that is new. */
export async function probeVault(
  { vault, runner }: OperationParts,
  look: (file: string) => Promise<boolean>,
): Promise<boolean> {
  try {
    const { staging } = await runner.instance();
    return await vault.withProbe(look, staging);
  } catch (error) {
    const told = toBackupError(error);
    if (told.code === 'vault_read_only' || told.code === 'insufficient_storage' || told.code === 'operation_cancelled')
      return false;
    throw error;
  }
}
