import { BackupError, toBackupError } from '../errors.js';
import type { Vault } from '../vault/vault.js';

/** Manifests, records and the file system's own bookkeeping. */
const reserveBytes = 1024 * 1024;

/**
 * Refuses work for which the disk is too small before any of it is done, and tells both numbers too when the disk
 * fills up under the work.
 * @throws BackupError `insufficient_storage`
 */
export async function withSpace<Result>(vault: Vault, bytes: number, work: () => Promise<Result>): Promise<Result> {
  const requiredBytes = bytes + reserveBytes;
  const availableBytes = await vault.freeBytes();
  if (availableBytes !== null && availableBytes < requiredBytes) {
    throw new BackupError('insufficient_storage', `The vault needs ${requiredBytes} bytes and has ${availableBytes}.`, {
      facts: { requiredBytes, availableBytes },
    });
  }
  try {
    return await work();
  } catch (error) {
    const told = toBackupError(error);
    if (told.code !== 'insufficient_storage') throw error;
    throw new BackupError(told.code, told.message, {
      facts: { requiredBytes, availableBytes: await vault.freeBytes() },
      cause: error,
    });
  }
}
