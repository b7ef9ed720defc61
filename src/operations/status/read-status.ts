import type { ServiceStatus } from '../backup-service.js';
import type { OperationParts } from '../operation-parts.js';
import { readSchedule } from './schedule-history.js';

export async function readStatus(parts: OperationParts): Promise<ServiceStatus> {
  const { runner, maintenance } = parts;
  const [operation, schedule] = await Promise.all([runner.current(), readSchedule(parts)]);
  return { operation, schedule, maintenance: maintenance.isRaised() };
}
