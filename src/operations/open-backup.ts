import type { OpenBackup } from './backup-service.js';
import type { OperationParts } from './operation-parts.js';

/** @throws BackupError `invalid_filename`, `backup_not_found` */
export async function openBackup({ vault }: OperationParts, nameOrLatest: string): Promise<OpenBackup> {
  const backup = await vault.get(nameOrLatest);
  const release = vault.hold(backup.filename);
  try {
    const file = await vault.open(backup.filename);
    return {
      backup,
      file: {
        size: file.size,
        modifiedAt: file.modifiedAt,
        read: (range) => file.read(range).once('close', release),
        close: () => file.close().finally(release),
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
