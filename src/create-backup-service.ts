import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import type { AuditTrail } from './audit/audit-trail.js';
import { createInstances, type Instances } from './coordination/instances.js';
import { createJournal } from './coordination/journal.js';
import { createMaintenance } from './coordination/maintenance.js';
import { operationTypes } from './coordination/operation.js';
import { createOperationLock } from './coordination/operation-lock.js';
import { createOperationsLog, type OperationsLog } from './coordination/operations-log.js';
import { createSlots } from './coordination/slots.js';
import { createVaultLock, type Exclusively } from './coordination/vault-lock.js';
import type { Engine } from './engines/engine.js';
import { sqlite } from './engines/sqlite/sqlite-engine.js';
import { createEvents, type EventListeners } from './events.js';
import { logEvents } from './logging/log-events.js';
import { exposeMetrics } from './metrics/expose-metrics.js';
import type { Notifications } from './notify/notifications.js';
import type { Notifier } from './notify/notifier.js';
import type { BackupService, Reservation } from './operations/backup-service.js';
import { cancelOperation } from './operations/cancel-operation.js';
import { cleanUp } from './operations/clean-up.js';
import { createBackup } from './operations/create-backup.js';
import { EventFeed } from './operations/event-feed.js';
import { importBackup } from './operations/import-backup.js';
import { listBackups, readStats } from './operations/list-backups.js';
import { openBackup, readBackup } from './operations/open-backup.js';
import { callerName, type OperationParts } from './operations/operation-parts.js';
import { OperationRunner } from './operations/operation-runner.js';
import { probeVault } from './operations/probe-vault.js';
import { readAudit } from './operations/read-audit.js';
import { readStatus } from './operations/read-status.js';
import { recover } from './operations/recover.js';
import { removeBackup } from './operations/remove-backup.js';
import { withSpace } from './operations/require-space.js';
import { restoreBackup } from './operations/restore-backup.js';
import type { ServiceEvents } from './operations/service-events.js';
import { setUpAudit } from './operations/set-up-audit.js';
import { tellPeople } from './operations/tell-people.js';
import { createUnattended } from './operations/unattended.js';
import { updateBackup } from './operations/update-backup.js';
import { verifyBackup } from './operations/verify-backup.js';
import { parseOptions } from './options/parse-options.js';
import { type ParsedServiceOptions, serviceOptionsSchema } from './options/service-options.js';
import { createScheduleStore } from './schedule/schedule-state.js';
import { localStorage } from './storage/local-storage.js';
import { realPath } from './system/real-path.js';
import { Vault } from './vault/vault.js';
import { openVaultDirectory, refuseUnsafePlace } from './vault/vault-directory.js';

export interface BackupServiceOptions extends Omit<z.input<typeof serviceOptionsSchema>, 'database' | 'notify'> {
  /** The path of the live SQLite file, or an engine such as `sqlite({ path })`. */
  readonly database: string | Engine;
  /** Who is told of what happens, such as `[email({ transport, from, to })]`. */
  readonly notify?: readonly Notifier[] | undefined;
}

/**
 * Makes the service that backs up, verifies and restores one database.
 *
 * Options are checked here; the directory is checked, and made, by `start()` or the first operation.
 * @throws BackupError `invalid_options`, `vault_refused`
 * @example
 * const backups = createBackupService({ database: 'data/app.db', directory: 'backups' });
 * await backups.start();
 * const { filename } = await backups.create({ notes: 'before the upgrade' });
 */
export function createBackupService(options: BackupServiceOptions): BackupService {
  const parsed = parseOptions(serviceOptionsSchema, options, 'createBackupService');
  const { database, snapshot } = parsed;
  const engine = typeof database === 'string' ? sqlite({ path: database, snapshot }) : (database as Engine);
  const directory = resolve(parsed.directory);
  const { staticRoots } = parsed;
  const { liveFile } = engine;
  const workingDirectory = process.cwd();
  refuseUnsafePlace(directory, { liveFile, staticRoots, workingDirectory });
  // By whatever links they are named, the places themselves must be safe too.
  refuseUnsafePlace(realPath(directory), {
    liveFile: liveFile && realPath(liveFile),
    staticRoots: staticRoots.map((root) => realPath(resolve(root))),
    workingDirectory: realPath(workingDirectory),
  });
  const { parts, upkeep } = assemble(engine, directory, parsed);
  return toService(parts, upkeep);
}

/** Puts together what every operation works with; exported for tests that drive a part by itself. */
export function assemble(
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
    onInterrupted: ({ id, type, startedBy }) => recorder.interrupted({ action: type, by: startedBy, operation: id }),
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

interface Upkeep {
  readonly open: () => Promise<void>;
  readonly instances: Instances;
  readonly exclusively: Exclusively;
  readonly log: OperationsLog;
  readonly trail: AuditTrail;
  readonly stopMetrics: () => void;
  readonly notifications: Notifications;
}

function toService(parts: OperationParts, upkeep: Upkeep): BackupService {
  const { open, instances, exclusively, log, trail, stopMetrics, notifications } = upkeep;
  const { runner, events, engine, audit } = parts;
  const feed = new EventFeed({ ...parts, log });
  const reserve = createReservations(parts);
  const unattended = createUnattended(parts);
  const opened = <Result>(work: () => Promise<Result>): Promise<Result> =>
    open()
      .then(work)
      .catch((error: unknown) => {
        throw runner.told(error);
      });
  return {
    create: (input = {}) => createBackup(parts, input),
    list: (input = {}) => opened(() => listBackups(parts, input)),
    stats: () => opened(() => readStats(parts)),
    get: (filename) => opened(() => parts.vault.get(filename)),
    open: (filename, caller = {}) => opened(() => readBackup(parts, filename, caller)),
    openFile: (filename) => opened(() => openBackup(parts, filename)),
    verify: (filename, input = {}) => verifyBackup(parts, filename, input),
    restore: (filename, input = {}) => restoreBackup(parts, filename, input),
    importFile: (file, input = {}) => importBackup(parts, file, input),
    update: (filename, change, caller = {}) => opened(() => updateBackup(parts, filename, change, caller)),
    remove: (filename, caller = {}) => removeBackup(parts, filename, caller),
    cleanup: (input = {}) => cleanUp(parts, input),
    status: () => opened(() => readStatus(parts)),
    operation: (id) => opened(() => runner.get(id)),
    cancel: (id, caller = {}) => opened(() => cancelOperation(parts, id, caller)),
    audit: (input = {}) => opened(() => readAudit(trail, audit, input)),
    verifyAudit: () => opened(() => trail.check()),
    audited: {
      handedOut: (file, caller) =>
        audit.handedOut({ action: 'download', by: callerName(caller), from: caller.from, file }),
      refused: audit.refused.bind(audit),
    },
    on: events.on,
    follow: (reader, since) => opened(() => feed.follow(reader, since)),
    reserveStaging: () => opened(reserve),
    probe: (look) => opened(() => probeVault(parts, look)),
    start: async () => {
      const report = await opened(async () => {
        await notifications.prepare();
        return recover(parts, () => exclusively(instances.sweep));
      });
      notifications.resume();
      unattended.start();
      return report;
    },
    underMaintenance: parts.maintenance.isRaised,
    close: async () => {
      unattended.stop();
      stopMetrics();
      await runner.close(() => notifications.close());
      await unattended.idle();
      await audit.close();
      feed.close();
      await engine.close();
    },
    limits: parts.options.limits,
    report: (fault) => events.emit('internal.error', fault),
  };
}

/** Files that come in at a time, each of up to `limits.uploadBytes`, and how many more may wait for their turn. */
const parallelUploads = 8;
const mostWaitingUploads = 64;

function createReservations({ runner, vault }: OperationParts): () => Promise<Reservation> {
  const takeSlot = createSlots(parallelUploads, mostWaitingUploads);
  return async function reserve() {
    const { staging } = await runner.instance();
    const releaseSlot = await takeSlot();
    const path = join(staging, `incoming-${randomBytes(6).toString('hex')}`);
    const release = (): Promise<void> => rm(path, { recursive: true, force: true }).finally(releaseSlot);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      releaseSlot();
      throw error;
    }
    return { path, fill: (bytes, work) => withSpace(vault, bytes, work), release };
  };
}

/** Runs the work at first use, and again only after it failed or what it made is gone. */
function once(work: () => Promise<void>, isThere: () => boolean): () => Promise<void> {
  let done: Promise<void> | undefined;
  let finished = false;
  return () => {
    if (finished && !isThere()) {
      done = undefined;
      finished = false;
    }
    done ??= work()
      .then(() => {
        finished = true;
      })
      .catch((error: unknown) => {
        done = undefined;
        throw error;
      });
    return done;
  };
}
