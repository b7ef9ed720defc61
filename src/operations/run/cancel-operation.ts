import type { Operation } from '../../coordination/operation.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';

/** Asks an operation, in whichever process, to stop and undo itself. @throws BackupError `operation_not_found` */
export async function cancelOperation(
  { runner, audit }: OperationParts,
  id: string,
  caller: Caller,
): Promise<Operation> {
  const act = { action: 'cancel', by: callerName(caller), from: caller.from } as const;
  const startedAt = performance.now();
  try {
    const operation = await runner.cancel(id);
    const durationMs = performance.now() - startedAt;
    await audit.ended({ ...act, operation: operation.id }, { outcome: 'succeeded', durationMs });
    return operation;
  } catch (error) {
    const told = runner.told(error);
    audit.refused(act, told);
    throw told;
  }
}
