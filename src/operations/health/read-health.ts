import type { OperationsLog } from '../../coordination/operations-log.js';
import { toBackupError } from '../../errors.js';
import { assessBackups, type BackupsAssessment, findWaysBack } from '../../health/assess-backups.js';
import {
  assessDatabase,
  type DatabaseState,
  lockedDatabase,
  unseenDatabase,
  type WaysBack,
} from '../../health/assess-database.js';
import { assessLosses } from '../../health/assess-losses.js';
import { assessMigration } from '../../health/assess-migration.js';
import { findLosses } from '../../health/find-losses.js';
import { type Assessment, together } from '../../health/finding.js';
import { type HealthReport, toReport } from '../../health/verdict.js';
import { timeAfter } from '../../schedule/plan-run.js';
import { deepFreeze } from '../../system/deep-freeze.js';
import type { Backup } from '../../vault/backup.js';
import type { OperationParts } from '../operation-parts.js';
import { readSchedule } from '../status/schedule-history.js';
import { LiveLook } from './live-look.js';

/** Where neither a schedule nor the host says what is too old. */
const usualAgeMs = 48 * 3_600_000;
/** What is known of the vault is told for so long. */
const rememberedMs = 500;
/** Of the newest records so many are looked through for a create; more say nothing of now. */
const mostRecords = 20;

const noWays: WaysBack = { whole: null, overNothing: null };

interface VaultHealth {
  readonly backups: readonly Backup[];
  readonly assessment: BackupsAssessment;
  readonly ways: WaysBack;
  readonly migration: Assessment;
}

interface Remembered {
  readonly at: number;
  readonly state: Promise<VaultHealth>;
}

/** What the health endpoints tell, at a cost that does not grow with how often they are asked. */
export class Health {
  readonly #parts: OperationParts;
  readonly #log: OperationsLog;
  readonly #open: () => Promise<void>;
  readonly #live: LiveLook;
  #remembered: Remembered | undefined;
  #told: { readonly found: DatabaseState; readonly vault: VaultHealth; readonly report: HealthReport } | undefined;

  /** @param open makes sure that the vault is there and may be used */
  constructor(parts: OperationParts, log: OperationsLog, open: () => Promise<void>) {
    this.#open = open;
    this.#parts = parts;
    this.#log = log;
    this.#live = new LiveLook(parts.engine, parts.options.minimumRows, (error) => void parts.runner.told(error));
    const forget = (): void => {
      this.#remembered = undefined;
    };
    for (const name of [
      'backup.created',
      'backup.failed',
      'backup.verified',
      'backup.damaged',
      'cleanup.finished',
    ] as const)
      parts.events.on(name, forget);
  }

  /** What is told of the same things is the same, frozen. */
  async read(): Promise<HealthReport> {
    const [database, backups] = [this.#database(), this.#backups()];
    // Neither rejects. One after the other is less to collect than both together.
    const [found, vault] = [await database, await backups];
    if (this.#told?.found !== found || this.#told.vault !== vault)
      this.#told = { found, vault, report: deepFreeze(this.#report(found, vault)) };
    return this.#told.report;
  }

  #report(found: DatabaseState, { backups, assessment, ways, migration }: VaultHealth): HealthReport {
    const { options, clock } = this.#parts;
    const { mayEmpty } = options;
    const losses = backups.length === 0 ? null : findLosses(backups, { live: found, mayEmpty, now: clock() });
    const database = together(assessDatabase(found, options, ways), migration, assessLosses(losses, found));
    return toReport(found, options, database, assessment);
  }

  async #database(): Promise<DatabaseState> {
    return this.#live
      .read()
      .catch((error: unknown) => (toBackupError(error).code === 'database_busy' ? lockedDatabase : unseenDatabase));
  }

  #backups(): Remembered['state'] {
    const now = performance.now();
    if (this.#remembered === undefined || now - this.#remembered.at >= rememberedMs)
      this.#remembered = { at: now, state: this.#assess() };
    return this.#remembered.state;
  }

  /** The application works without its backups, so a vault that cannot be used is no more than degraded. */
  async #assess(): Promise<VaultHealth> {
    try {
      await this.#open();
      return await this.#assessVault();
    } catch (error) {
      const { code, title, hint } = this.#parts.runner.told(error);
      const fault = code === 'internal_error' ? "the application's log has the cause." : `${title}. ${hint}`;
      const unknown = { backups: [], freeBytes: null, lastSucceeded: null, nextRunAt: null };
      const state = { ...unknown, fault, freshUntil: (createdAt: Date) => createdAt, now: this.#parts.clock() };
      return { backups: [], assessment: assessBackups(state), ways: noWays, migration: assessMigration(null, []) };
    }
  }

  async #assessVault(): Promise<VaultHealth> {
    const { vault, clock, options, migration } = this.#parts;
    const [backups, schedule] = await Promise.all([vault.list(), readSchedule(this.#parts)]);
    const assessment = assessBackups({
      fault: null,
      backups,
      freeBytes: await vault.freeBytes().catch(() => null),
      lastSucceeded: await this.#lastSucceeded(),
      nextRunAt: schedule.nextRunAt,
      freshUntil: (createdAt) => freshUntil(createdAt, options),
      now: clock(),
    });
    return {
      backups,
      assessment,
      ways: findWaysBack(backups, options),
      migration: assessMigration(migration.unfinished(), backups),
    };
  }

  async #lastSucceeded(): Promise<boolean | null> {
    const ids = (await this.#log.ids()).toSorted().reverse().slice(0, mostRecords);
    for (const id of ids) {
      const record = await this.#log.find(id);
      if (record?.type !== 'create' || record.state === 'running' || record.state === 'cancelled') continue;
      return record.state === 'succeeded';
    }
    return null;
  }
}

/** Until the second time at which the schedule would have made a newer one: the first may fail, and is tried again. */
function freshUntil(createdAt: Date, { schedule, maxBackupAge }: OperationParts['options']): Date {
  if (maxBackupAge !== undefined) return new Date(createdAt.getTime() + maxBackupAge);
  if (schedule.length === 0) return new Date(createdAt.getTime() + usualAgeMs);
  return timeAfter(schedule, timeAfter(schedule, createdAt));
}
