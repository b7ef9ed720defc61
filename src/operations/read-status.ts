import type { ServiceStatus } from './backup-service.js';
import { noSchedule } from './list-backups.js';
import type { OperationParts } from './operation-parts.js';

/** While a restore is in these phases it holds the write lock of the live database. */
const replacingPhases = new Set(['securing', 'replacing']);

export async function readStatus({ runner }: OperationParts): Promise<ServiceStatus> {
  const operation = await runner.current();
  const maintenance = operation?.type === 'restore' && replacingPhases.has(operation.phase);
  return { operation, schedule: noSchedule, maintenance };
}
