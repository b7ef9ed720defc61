import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditTrail } from '../audit/audit-trail.js';
import { createInstances, type Instances } from '../coordination/instances.js';
import { createJournal } from '../coordination/journal.js';
import { createMaintenance } from '../coordination/maintenance.js';
import { createMigrationNote } from '../coordination/migration-note.js';
import { operationTypes, toOperation } from '../coordination/operation.js';
import { createOperationLock } from '../coordination/operation-lock.js';
import { createOperationsLog, type OperationsLog } from '../coordination/operations-log.js';
import { createVaultLock, type Exclusively } from '../coordination/vault-lock.js';
import type { Engine } from '../engines/engine.js';
import { BackupError } from '../errors.js';
import { createEvents, type EventListeners } from '../events/event-listeners.js';
import type { ServiceEvents } from '../events/service-events.js';
import { logEvents } from '../logging/log-events.js';
import { exposeMetrics } from '../metrics/expose-metrics.js';
import type { Notifications } from '../notify/notifications.js';
import type { Notifier } from '../notify/notifier.js';
import type { OperationParts } from '../operations/operation-parts.js';
import { OperationRunner } from '../operations/run/operation-runner.js';
import { tellPeople } from '../operations/unattended/tell-people.js';
import type { ParsedServiceOptions } from '../options/service-options.js';
import { createScheduleStore } from '../schedule/schedule-state.js';
import { localStorage } from '../storage/local-storage.js';
import { once } from '../system/once.js';
import { Vault } from '../vault/vault.js';
import { openVaultDirectory } from '../vault/vault-directory.js';
import { setUpAudit } from './set-up-audit.js';

/** What a service needs beside its operations. */
export interface Upkeep {
  readonly open: () => Promise<void>;
  readonly instances: Instances;
  readonly exclusively: Exclusively;
  readonly log: OperationsLog;
  readonly trail: AuditTrail;
  readonly stopMetrics: () => void;
  readonly notifications: Notifications;
}

/** Puts together what every operation works with. */
export function assembleParts(
  engine: Engine,
  directory: string,
  options: ParsedServiceOptions,
): { readonly parts: OperationParts; readonly upkeep: Upkeep } {
  const clock = (): Date => new Date();
  const stateDirectory = join(directory, '.state');
  const events = createServiceEvents(options);
  const exclusively = createVaultLock(stateDirectory);
  const instances = createInstances(stateDirectory);
  const owner = { engine: engine.name, identity: engine.identity };
  const isThere = (): boolean => existsSync(join(stateDirectory, 'vault.json'));
  const open = once(() => openVaultDirectory(directory, stateDirectory, owner), isThere);
  const journal = createJournal(stateDirectory);
  const maintenance = createMaintenance(journal, instances.isAlive);
  const report = (error: unknown): void => events.emit('internal.error', { instance: null, error });
  const canOpen = (): Promise<boolean> =>
    open().then(
      () => true,
      () => false,
    );
  const isReady = async (): Promise<boolean> => isThere() && canOpen();
  const audit = setUpAudit(options.audit, { directory, stateDirectory, clock, isReady, report });
  const { recorder } = audit;
  const log = createOperationsLog({
    stateDirectory,
    isAlive: instances.isAlive,
    clock,
    async onInterrupted(record, isNew) {
      const { id, type, startedBy } = record;
      await recorder.interrupted({ action: type, by: startedBy, operation: id });
      if (!isNew) return;
      const operation = toOperation(record);
      events.emit('operation', operation);
      // Of a restore its journal tells more.
      const error = new BackupError(
        'operation_interrupted',
        `The process that ran this ${type} ended before it was done.`,
      );
      if (type === 'create') events.emit('backup.failed', { operation, error });
    },
  });
  const runner = new OperationRunner({
    log,
    audit: recorder,
    lock: createOperationLock(stateDirectory),
    join: () => open().then(() => exclusively(() => instances.join())),
    events,
    clock,
    operationMs: options.limits.operationMs,
  });
  const naming = { prefix: options.prefix ?? engine.defaultPrefix, extension: engine.extension };
  const vault = new Vault({
    storage: localStorage(directory, engine.liveFile),
    naming,
    exclusively,
    onRemoved: (filename) => runner.removed(filename),
  });
  const parts: OperationParts = {
    engine,
    vault,
    place: { directory, stateDirectory, naming },
    runner,
    journal,
    maintenance,
    migration: createMigrationNote(stateDirectory, instances.isAlive),
    schedule: createScheduleStore(stateDirectory),
    audit: recorder,
    events,
    options,
    clock,
  };
  const notifications = tellPeople(parts, {
    notifiers: options.notify as readonly Notifier[],
    exclusively: (change) => open().then(() => exclusively(change)),
    isAlive: instances.isAlive,
  });
  const stopMetrics = startTelling(parts, options);
  return { parts, upkeep: { open, instances, exclusively, log, trail: audit.trail, stopMetrics, notifications } };
}

/** A listener that fails is told to the host's log; without one it becomes a process warning, or nobody would hear of it. */
function createServiceEvents({ logger }: ParsedServiceOptions): EventListeners<ServiceEvents> {
  const events: EventListeners<ServiceEvents> = createEvents((error, name) => {
    if (name === 'internal.error') return false;
    events.emit('internal.error', { instance: null, error });
    return logger !== undefined;
  });
  return events;
}

/** What happens is told to the log and counted for the metrics. @returns ends the metrics */
function startTelling(
  { engine, vault, events, clock }: OperationParts,
  { logger, metrics }: ParsedServiceOptions,
): () => void {
  const database = metrics?.database ?? engine.sourceName;
  if (logger !== undefined) logEvents({ logger, database, events });
  if (metrics === undefined) return () => undefined;
  return exposeMetrics({ registry: metrics.registry, database, events, vault, operationTypes, clock });
}
