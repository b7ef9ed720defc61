import type { Journal } from '../coordination/journal.js';
import type { Maintenance } from '../coordination/maintenance.js';
import type { MigrationNote } from '../coordination/migration-note.js';
import type { Engine } from '../engines/engine.js';
import type { EventListeners } from '../events/event-listeners.js';
import type { ServiceEvents } from '../events/service-events.js';
import type { ParsedServiceOptions } from '../options/service-options.js';
import type { ScheduleStore } from '../schedule/schedule-state.js';
import type { Vault } from '../vault/vault.js';
import type { AuditRecorder } from './audit/audit-recorder.js';
import type { VaultPlace } from './restore/publish-safety.js';
import type { OperationRunner } from './run/operation-runner.js';

/** What every operation works with; put together in the composition root. */
export interface OperationParts {
  readonly engine: Engine;
  readonly vault: Vault;
  readonly place: VaultPlace;
  readonly runner: OperationRunner;
  readonly journal: Journal;
  readonly maintenance: Maintenance;
  readonly migration: MigrationNote;
  readonly schedule: ScheduleStore;
  readonly audit: AuditRecorder;
  readonly events: EventListeners<ServiceEvents>;
  readonly options: Pick<
    ParsedServiceOptions,
    | 'retention'
    | 'limits'
    | 'verifyOnCreate'
    | 'requiredTables'
    | 'minimumRows'
    | 'mayEmpty'
    | 'expectedUserVersion'
    | 'check'
    | 'onInvalid'
    | 'logger'
    | 'initialize'
    | 'connection'
    | 'schedule'
    | 'verifyEvery'
    | 'maxBackupAge'
  >;
  readonly clock: () => Date;
}

export interface Caller {
  /** Who asks, for the record: a principal's id. */
  readonly by?: string | undefined;
  /** The address it came from, for the audit. */
  readonly from?: string | null | undefined;
  /** An abort cancels the operation and undoes it. */
  readonly signal?: AbortSignal | undefined;
}

/** Who is named when the host's own code calls. */
const hostCaller = 'host';

export const callerName = ({ by }: Caller): string => by ?? hostCaller;
