import type { BackupService } from '../operations/backup-service.js';
import { cancelOperation } from '../operations/cancel-operation.js';
import { cleanUp } from '../operations/clean-up.js';
import { compareBackups } from '../operations/compare-backups.js';
import { createBackup } from '../operations/create-backup.js';
import { EventFeed } from '../operations/event-feed.js';
import { guardMigration } from '../operations/guard-migration.js';
import { importBackup } from '../operations/import-backup.js';
import { initializeDatabase } from '../operations/initialize-database.js';
import { lastReplaced } from '../operations/last-replaced.js';
import { listBackups, readStats } from '../operations/list-backups.js';
import { openBackup, readBackup } from '../operations/open-backup.js';
import { callerName, type OperationParts } from '../operations/operation-parts.js';
import type { OperationRun } from '../operations/operation-runner.js';
import { probeVault } from '../operations/probe-vault.js';
import { readAudit } from '../operations/read-audit.js';
import { Health } from '../operations/read-health.js';
import { readStatus } from '../operations/read-status.js';
import { recover } from '../operations/recover.js';
import { removeBackup } from '../operations/remove-backup.js';
import { createReservations } from '../operations/reserve-staging.js';
import { restoreBackup } from '../operations/restore-backup.js';
import { createUnattended } from '../operations/unattended.js';
import { updateBackup } from '../operations/update-backup.js';
import { examine, requireValid, validateDatabase, watchValidity } from '../operations/validate-database.js';
import { verifyBackup } from '../operations/verify-backup.js';
import type { Upkeep } from './assemble-parts.js';

/** Every operation as a method, and the beginning and the end of what runs beside them. */
export function toService(parts: OperationParts, upkeep: Upkeep): BackupService {
  const { open, instances, exclusively, log, trail, stopMetrics, notifications } = upkeep;
  const { runner, events, engine, audit } = parts;
  const feed = new EventFeed({ ...parts, log });
  const reserve = createReservations(parts);
  const health = new Health(parts, log, open);
  const stopWatching = watchValidity(parts);
  const unattended = createUnattended(parts);
  const opened = <Result>(work: () => Promise<Result>): Promise<Result> =>
    open()
      .then(work)
      .catch((error: unknown) => {
        throw runner.told(error);
      });
  return {
    create: (input = {}) => begun(() => createBackup(parts, input)),
    list: (input = {}) => opened(() => listBackups(parts, input)),
    stats: () => opened(() => readStats(parts)),
    get: (filename) => opened(() => parts.vault.get(filename)),
    open: (filename, caller = {}) => opened(() => readBackup(parts, filename, caller)),
    openFile: (filename) => opened(() => openBackup(parts, filename)),
    verify: (filename, input = {}) => begun(() => verifyBackup(parts, filename, input)),
    restore: (filename, input = {}) => begun(() => restoreBackup(parts, filename, input)),
    lastReplaced: () => opened(() => lastReplaced(parts, log)),
    importFile: (file, input = {}) => begun(() => importBackup(parts, file, input)),
    update: (filename, change, caller = {}) => opened(() => updateBackup(parts, filename, change, caller)),
    remove: (filename, caller = {}) => begun(() => removeBackup(parts, filename, caller)),
    compare: (from, to, caller = {}) => begun(() => compareBackups(parts, from, to, caller)),
    cleanup: (input = {}) => begun(() => cleanUp(parts, input)),
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
    examine: () => opened(() => examine(parts)),
    validate: () => opened(() => validateDatabase(parts)),
    health: () => health.read(),
    guardMigration: (migrate, input = {}) => guardMigration(parts, migrate, input),
    probe: (look) => opened(() => probeVault(parts, look)),
    start: async () => {
      const recovered = await opened(async () => {
        await notifications.prepare();
        return recover(parts, () => exclusively(instances.sweep));
      });
      // What the host's own function throws is the host's.
      const initialized = await initializeDatabase(parts);
      const validation = await opened(() => validateDatabase(parts));
      if (parts.options.onInvalid === 'throw') requireValid(validation);
      notifications.resume();
      unattended.start();
      return { ...recovered, initialized, validation };
    },
    underMaintenance: parts.maintenance.isRaised,
    close: async () => {
      unattended.stop();
      stopMetrics();
      await runner.close(async () => {
        await unattended.idle();
        await stopWatching();
        await notifications.close();
      });
      await audit.close();
      feed.close();
      await engine.close();
    },
    limits: parts.options.limits,
    report: (fault) => events.emit('internal.error', fault),
  };
}

/** What does not fit is told by the promise, like every other failure. */
function begun<Result>(work: () => OperationRun<Result>): OperationRun<Result> {
  try {
    return work();
  } catch (error) {
    const started = Promise.reject(error);
    started.catch(() => undefined);
    return Object.assign(Promise.reject(error), { started });
  }
}
