import type { Readable } from 'node:stream';
import type { OpenBackup } from '../backup-service.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';

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

/** A stream of the whole file, once the audit tells who has it. @throws BackupError `invalid_filename`, `backup_not_found` */
export async function readBackup(parts: OperationParts, nameOrLatest: string, caller: Caller): Promise<Readable> {
  const act = { action: 'download', by: callerName(caller), from: caller.from } as const;
  try {
    const { backup, file } = await openBackup(parts, nameOrLatest);
    await parts.audit.handedOut({ ...act, file: backup.filename });
    return file.read();
  } catch (error) {
    const told = parts.runner.told(error);
    parts.audit.refused({ ...act, file: nameOrLatest }, told);
    throw told;
  }
}
