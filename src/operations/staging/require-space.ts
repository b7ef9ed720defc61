import { BackupError, toBackupError } from '../../errors.js';
import type { Vault } from '../../vault/vault.js';

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
    // It may know better which disk is full, and of what.
    if (told.facts.requiredBytes !== undefined) throw error;
    const left = await vault.freeBytes();
    // SQLite does not tell why it could not make or extend a file; a disk with less left than was to stay free does.
    const isFull = told.code === 'internal_error' && left !== null && left < reserveBytes;
    if (told.code !== 'insufficient_storage' && !isFull) throw error;
    const detail = isFull ? 'The file system of the vault is full.' : told.message;
    throw new BackupError('insufficient_storage', detail, {
      facts: { requiredBytes, availableBytes: left },
      cause: error,
    });
  }
}
