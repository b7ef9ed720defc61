import type { Vault } from '../../vault/vault.js';

/**
 * Waits for what reads a backup. One that another process removed meanwhile, or put a link in its place, is missing
 * and not damaged, whatever reading it said.
 * @throws BackupError `backup_not_found`
 */
export async function unlessRemoved<Result>(vault: Vault, filename: string, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } finally {
    await vault.get(filename);
  }
}
