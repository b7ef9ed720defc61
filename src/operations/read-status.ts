import type { ServiceStatus } from './backup-service.js';
import { noSchedule } from './list-backups.js';
import type { OperationParts } from './operation-parts.js';

export async function readStatus({ runner, maintenance }: OperationParts): Promise<ServiceStatus> {
  return { operation: await runner.current(), schedule: noSchedule, maintenance: maintenance.isRaised() };
}
