import type { Backup } from '../../vault/backup.js';
import type { BackupChange } from '../backup-service.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';

/** Changes what people say of a backup; its content has no setter. @throws BackupError `backup_not_found` */
export async function updateBackup(
  parts: OperationParts,
  nameOrLatest: string,
  change: BackupChange,
  caller: Caller,
): Promise<Backup> {
  const act = { action: 'update', by: callerName(caller), from: caller.from } as const;
  const startedAt = performance.now();
  try {
    const backup = await changeManifest(parts, nameOrLatest, change);
    const durationMs = performance.now() - startedAt;
    await parts.audit.ended({ ...act, file: backup.filename }, { outcome: 'succeeded', durationMs });
    return backup;
  } catch (error) {
    const told = parts.runner.told(error);
    parts.audit.refused({ ...act, file: nameOrLatest }, told);
    throw told;
  }
}

async function changeManifest(
  { vault, runner }: OperationParts,
  nameOrLatest: string,
  { notes, pinned }: BackupChange,
): Promise<Backup> {
  const { filename } = await vault.get(nameOrLatest);
  const { staging } = await runner.instance();
  const change = { ...(notes !== undefined && { notes }), ...(pinned !== undefined && { pinned }) };
  return vault.update(filename, (manifest) => ({ ...manifest, ...change }), staging);
}
