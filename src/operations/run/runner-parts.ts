import type { Instance } from '../../coordination/instances.js';
import type { OperationLock } from '../../coordination/operation-lock.js';
import type { OperationsLog } from '../../coordination/operations-log.js';
import type { EventListeners } from '../../events/event-listeners.js';
import type { ServiceEvents } from '../../events/service-events.js';
import type { AuditRecorder } from '../audit/audit-recorder.js';

export interface RunnerParts {
  readonly log: OperationsLog;
  readonly lock: OperationLock;
  /** Makes this service known to the others that work on the vault. */
  readonly join: () => Promise<Instance>;
  readonly events: EventListeners<ServiceEvents>;
  readonly audit: AuditRecorder;
  readonly clock: () => Date;
  /** An operation that takes longer is ended and undone, milliseconds. */
  readonly operationMs: number;
}
