import { type Caller, hostCaller, type OperationParts } from './operation-parts.js';
import type { OperationRun } from './operation-runner.js';

/**
 * Removes one backup, after the name was resolved and before anything else may change.
 * @throws BackupError `backup_pinned`, `backup_in_use`, `backup_not_found`, `invalid_filename`
 */
export function removeBackup(
  { vault, runner }: OperationParts,
  filename: string,
  { by, signal }: Caller,
): OperationRun<{ filename: string; freedBytes: number }> {
  return runner.run({ type: 'remove', by: by ?? hostCaller, exclusive: true, signal }, () => vault.remove(filename));
}
