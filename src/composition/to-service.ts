import type { ValidationReport } from '../events/outcomes.js';
import { readAudit } from '../operations/audit/read-audit.js';
import type { BackupService } from '../operations/backup-service.js';
import { cleanUp } from '../operations/backups/clean-up.js';
import { compareBackups } from '../operations/backups/compare-backups.js';
import { createBackup } from '../operations/backups/create-backup.js';
import { importBackup } from '../operations/backups/import-backup.js';
import { listBackups, readStats } from '../operations/backups/list-backups.js';
import { openBackup, readBackup } from '../operations/backups/open-backup.js';
import { removeBackup } from '../operations/backups/remove-backup.js';
import { updateBackup } from '../operations/backups/update-backup.js';
import { EventFeed } from '../operations/follow/event-feed.js';
import { Health } from '../operations/health/read-health.js';
import { examine, requireValid, validateDatabase, watchValidity } from '../operations/health/validate-database.js';
import { guardMigration } from '../operations/migrate/guard-migration.js';
import { initializeDatabase } from '../operations/migrate/initialize-database.js';
import { callerName, type OperationParts } from '../operations/operation-parts.js';
import { lastReplaced } from '../operations/restore/last-replaced.js';
import { restoreBackup } from '../operations/restore/restore-backup.js';
import { cancelOperation } from '../operations/run/cancel-operation.js';
import type { OperationRun } from '../operations/run/operation-spec.js';
import { createReservations } from '../operations/staging/reserve-staging.js';
import { probeVault } from '../operations/status/probe-vault.js';
import { readStatus } from '../operations/status/read-status.js';
import { recover } from '../operations/status/recover.js';
import { createUnattended } from '../operations/unattended/unattended.js';
import { verifyBackup } from '../operations/verify/verify-backup.js';
import { methodInputs as inputs } from '../options/method-inputs.js';
import { parseInput } from '../options/parse-input.js';
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
    create: (input = {}) => begun(() => createBackup(parts, parseInput(inputs.create, input))),
    list: (input = {}) => opened(() => listBackups(parts, input)),
    stats: () => opened(() => readStats(parts)),
    get: (filename) => opened(() => parts.vault.get(filename)),
    open: (filename, caller = {}) => opened(() => readBackup(parts, filename, parseInput(inputs.caller, caller))),
    openFile: (filename) => opened(() => openBackup(parts, filename)),
    verify: (filename, input = {}) => begun(() => verifyBackup(parts, filename, parseInput(inputs.verify, input))),
    restore: (filename, input = {}) => begun(() => restoreBackup(parts, filename, parseInput(inputs.restore, input))),
    lastReplaced: () => opened(() => lastReplaced(parts)),
    importFile: (file, input = {}) =>
      begun(() => importBackup(parts, parseInput(inputs.file, file), parseInput(inputs.importFile, input))),
    update: (filename, change, caller = {}) =>
      opened(() => updateBackup(parts, filename, parseInput(inputs.update, change), parseInput(inputs.caller, caller))),
    remove: (filename, caller = {}) => begun(() => removeBackup(parts, filename, parseInput(inputs.caller, caller))),
    compare: (from, to, caller = {}) => begun(() => compareBackups(parts, from, to, parseInput(inputs.caller, caller))),
    cleanup: (input = {}) => begun(() => cleanUp(parts, parseInput(inputs.cleanup, input))),
    status: () => opened(() => readStatus(parts)),
    operation: (id) => opened(() => runner.get(id)),
    cancel: (id, caller = {}) => opened(() => cancelOperation(parts, id, parseInput(inputs.caller, caller))),
    audit: (input = {}) => opened(() => readAudit(trail, audit, input)),
    verifyAudit: () => opened(() => trail.check()),
    audited: {
      handedOut: (file, caller) =>
        audit.handedOut({ action: 'download', by: callerName(caller), from: caller.from, file }),
      refused: audit.refused.bind(audit),
    },
    on: events.on,
    follow: (reader, since) =>
      opened(async () => {
        parseInput(inputs.reader, reader);
        return feed.follow(reader, parseInput(inputs.since, since));
      }),
    reserveStaging: () => opened(reserve),
    examine: () => opened(() => examine(parts)),
    validate: () => opened(() => validateDatabase(parts)),
    health: () => health.read(),
    guardMigration: (migrate, input = {}) =>
      opened(() => guardMigration(parts, migrate, parseInput(inputs.guardMigration, input))),
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
      if (parts.options.logger === undefined) warnProcess(validation);
      notifications.resume();
      unattended.start();
      return { ...recovered, initialized, validation };
    },
    underMaintenance: parts.maintenance.isRaised,
    close: async () => {
      unattended.stop();
      stopMetrics();
      await inSequence(
        () => runner.close(() => inSequence(unattended.idle, stopWatching, () => notifications.close())),
        () => audit.close(),
        () => feed.close(),
        () => engine.close(),
      );
    },
    limits: parts.options.limits,
    report: (error) => runner.told(error),
  };
}

/** Without a log nobody would hear of a database that the application cannot work with. */
function warnProcess({ findings }: ValidationReport): void {
  for (const { severity, check, message, command } of findings)
    if (severity === 'critical')
      process.emitWarning(`${message} Run: ${command}`, { type: 'ExpressDbBackupWarning', code: check });
}

/** One after the other; what one fails with is thrown when the others had their turn. */
async function inSequence(...steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
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
