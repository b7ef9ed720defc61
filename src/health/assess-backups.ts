import { foldCase } from '../system/fold-case.js';
import { type Expectations, tablesExpected } from './assess-database.js';
import { type Assessment, AssessmentBuilder, commands } from './finding.js';

/** A backup, as far as its age and its worth go. */
export interface KnownBackup {
  readonly kind: string | null;
  readonly createdAt: string;
  readonly size: number;
  readonly verification: { readonly ok: boolean | null } | null;
  readonly warnings: readonly string[];
}

export interface BackupsState {
  /** Why the backups cannot be read, or null. */
  readonly fault: string | null;
  /** Newest first. */
  readonly backups: readonly KnownBackup[];
  readonly freeBytes: number | null;
  /** Whether the last create that ended did so well; null where there was none. */
  readonly lastSucceeded: boolean | null;
  readonly nextRunAt: string | null;
  /** Until when a backup is young enough. */
  readonly freshUntil: (createdAt: Date) => Date;
  readonly now: Date;
}

const backupChecks = [
  'backups_readable',
  'backup_fresh',
  'backup_verified',
  'disk_space',
  'last_operation',
  'tables_kept',
] as const;
type BackupCheck = (typeof backupChecks)[number];
export const isAboutBackups = (check: string): boolean => (backupChecks as readonly string[]).includes(check);

/** What the backups are worth if the live database were lost now. */
export interface BackupsAssessment extends Assessment {
  readonly lastSuccessAt: string | null;
  readonly ageSeconds: number | null;
  readonly count: number;
  readonly nextRunAt: string | null;
}

/** Those of the live database that can be restored as far as anybody knows; an upload is of another one. */
const isUsable = ({ kind, verification }: KnownBackup): boolean =>
  kind !== null && kind !== 'uploaded' && verification?.ok !== false;

/**
 * The newest backup that has what the application needs: the newest of all may be of the very state that is to be mended.
 * @returns its name, `latest` where that stands for it, or null
 */
export function findRestorable<
  Known extends KnownBackup & { readonly filename: string; readonly tables: Readonly<Record<string, number>> },
>(backups: readonly Known[], wanted: Expectations): string | null {
  const candidates = backups.filter(({ kind }) => kind !== null && kind !== 'safety');
  const satisfies = ({ tables }: Known): boolean => {
    const rows = new Map(Object.entries(tables).map(([name, count]) => [foldCase(name), count]));
    const least = (table: string): number => wanted.minimumRows[table] ?? 0;
    return rows.size > 0 && tablesExpected(wanted).every((table) => (rows.get(foldCase(table)) ?? -1) >= least(table));
  };
  const found = candidates.find((backup) => isUsable(backup) && satisfies(backup));
  return found === undefined ? null : found === candidates[0] ? 'latest' : found.filename;
}

/** Never worse than degraded: the application works without any backup. */
export function assessBackups(state: BackupsState): BackupsAssessment {
  const { fault, backups, freeBytes, lastSucceeded, nextRunAt, freshUntil, now } = state;
  const newest = backups.find((backup) => isUsable(backup) && Date.parse(backup.createdAt) <= now.getTime());
  const ageMs = newest === undefined ? null : now.getTime() - Date.parse(newest.createdAt);
  const report = new AssessmentBuilder();
  const degraded = (check: BackupCheck, passed: boolean | null, message: string, command: string): void =>
    report.check(check, passed, { severity: 'degraded', message, command });
  degraded('backups_readable', fault === null, `The backups cannot be read: ${fault}.`, commands.doctor);
  const age = ageMs === null ? 'There is no backup.' : `The newest backup is ${spellHours(ageMs)} old.`;
  const isFresh = newest !== undefined && now <= freshUntil(new Date(newest.createdAt));
  degraded('backup_fresh', fault === null ? isFresh : null, age, commands.create);
  const verified = newest === undefined ? null : newest.verification?.ok === true;
  degraded('backup_verified', verified, 'The newest backup is not verified.', commands.verify);
  const needed = 2 * (newest?.size ?? 0);
  const hasRoom = freeBytes === null || newest === undefined ? null : freeBytes >= needed;
  const room = `${freeBytes} bytes are free where the backups lie; the next two need about ${needed}.`;
  degraded('disk_space', hasRoom, room, commands.cleanup);
  degraded('last_operation', lastSucceeded, 'The last backup failed.', commands.create);
  const [warning] = newest?.warnings ?? [];
  degraded('tables_kept', newest === undefined ? null : warning === undefined, warning ?? '', commands.doctor);
  return {
    ...report.build(),
    lastSuccessAt: newest?.createdAt ?? null,
    ageSeconds: ageMs === null ? null : Math.floor(ageMs / 1000),
    count: backups.filter(({ kind }) => kind !== null).length,
    nextRunAt,
  };
}

const spellHours = (ms: number): string =>
  ms < 3_600_000 ? 'less than an hour' : `${Math.floor(ms / 3_600_000)} hours`;
