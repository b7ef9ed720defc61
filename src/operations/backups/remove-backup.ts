import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationRun } from '../run/operation-spec.js';

/**
 * Removes one backup, after the name was resolved and before anything else may change.
 * @throws BackupError `backup_pinned`, `backup_in_use`, `backup_not_found`, `invalid_filename`
 */
export function removeBackup(
  { vault, runner }: OperationParts,
  filename: string,
  caller: Caller,
): OperationRun<{ filename: string; freedBytes: number }> {
  const spec = {
    type: 'remove',
    by: callerName(caller),
    from: caller.from,
    file: filename,
    exclusive: true,
    stages: false,
    signal: caller.signal,
  } as const;
  return runner.run(spec, async (context) => {
    const removed = await vault.remove(filename);
    context.concerns(removed.filename);
    return removed;
  });
}
