import { foldCase } from '../system/fold-case.js';
import { type Expectations, tablesExpected, type WaysBack } from './assess-database.js';
import { type Assessment, AssessmentBuilder, commands } from './finding.js';

/** A backup, as far as its age and its worth go. */
export interface KnownBackup {
  readonly filename: string;
  readonly kind: string | null;
  readonly createdAt: string;
  readonly size: number;
  readonly verification: { readonly ok: boolean | null } | null;
}

export interface BackupsState {
  /** Why the backups cannot be read and what to do about it, in sentences; or null. */
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

const backupChecks = ['backups_readable', 'backup_fresh', 'backup_verified', 'disk_space', 'last_operation'] as const;
type BackupCheck = (typeof backupChecks)[number];
export const isAboutBackups = (check: string): boolean => (backupChecks as readonly string[]).includes(check);

/** What the backups are worth if the live database were lost now. */
export interface BackupsAssessment extends Assessment {
  /** Of the newest backup that is neither a safety backup nor uploaded nor known to be damaged. */
  readonly lastSuccessAt: string | null;
  readonly ageSeconds: number | null;
  /** Of any kind, and no stray files. */
  readonly count: number;
  readonly nextRunAt: string | null;
}

/** One that was found damaged is no way back. */
const isUsable = ({ kind, verification }: KnownBackup): boolean => kind !== null && verification?.ok !== false;
/** A safety backup is of what a restore replaced, an upload of another database: neither makes this one safe. */
const isRegular = ({ kind }: KnownBackup): boolean => kind !== null && kind !== 'safety' && kind !== 'uploaded';

/** A backup, as far as its content goes. */
export interface ContentOfBackup extends KnownBackup {
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
}

/**
 * The newest backup that has what the application needs: the newest of all may be of the very state that is to be mended.
 * One with rows comes before one without, and a safety backup or an upload after those that were made of this database.
 */
export function newestRestorable<Known extends ContentOfBackup>(
  backups: readonly Known[],
  wanted: Expectations,
): Known | undefined {
  const satisfies = ({ tables }: Known): boolean => {
    const rows = new Map(Object.entries(tables).map(([name, count]) => [foldCase(name), count]));
    const least = (table: string): number => wanted.minimumRows[table] ?? 0;
    return rows.size > 0 && tablesExpected(wanted).every((table) => (rows.get(foldCase(table)) ?? -1) >= least(table));
  };
  const candidates = backups.filter((backup) => isUsable(backup) && satisfies(backup));
  return candidates.toSorted((a, b) => rankOf(a) - rankOf(b))[0];
}

/** The lower the better. */
function rankOf(backup: ContentOfBackup): number {
  const rank = backup.kind === 'safety' ? 1 : backup.kind === 'uploaded' ? 2 : 0;
  return hasRows(backup) ? rank : rank + 3;
}

export function findWaysBack(backups: readonly ContentOfBackup[], wanted: Expectations): WaysBack {
  const whole = newestRestorable(backups, wanted);
  const withRows = backups.filter((backup) => backup.kind !== 'uploaded' && hasRows(backup));
  const overNothing = whole ?? newestRestorable(withRows, { requiredTables: [], minimumRows: {} });
  return {
    whole: whole === undefined ? null : nameOf(whole, backups),
    overNothing: overNothing === undefined ? null : nameOf(overNothing, backups),
  };
}

export const hasRows = ({ tables }: Pick<ContentOfBackup, 'tables'>): boolean =>
  Object.values(tables).some((rows) => rows > 0);

/** `latest` where that stands for it; of an upload it would say too little. */
function nameOf(backup: KnownBackup, backups: readonly KnownBackup[]): string {
  const newest = backups.find(({ kind }) => kind !== null && kind !== 'safety');
  return newest === backup && isRegular(backup) ? 'latest' : backup.filename;
}

/** Never worse than degraded: the application works without any backup. */
export function assessBackups(state: BackupsState): BackupsAssessment {
  const { fault, backups, freeBytes, lastSucceeded, nextRunAt, freshUntil, now } = state;
  const isPast = ({ createdAt }: KnownBackup): boolean => Date.parse(createdAt) <= now.getTime();
  const newest = backups.find((backup) => isUsable(backup) && isRegular(backup) && isPast(backup));
  const ageMs = newest === undefined ? null : now.getTime() - Date.parse(newest.createdAt);
  const report = new AssessmentBuilder();
  const degraded = (check: BackupCheck, passed: boolean | null, message: string, command: string): void =>
    report.check(check, passed, { severity: 'degraded', message, command });
  degraded('backups_readable', fault === null, `The backups cannot be read: ${fault}`, commands.list);
  const age = ageMs === null ? 'There is no backup.' : `The newest backup is ${spellHours(ageMs)} old.`;
  const isFresh = newest !== undefined && now <= freshUntil(new Date(newest.createdAt));
  degraded('backup_fresh', fault === null ? isFresh : null, age, commands.create);
  const nameOfNewest = newest === undefined ? 'latest' : nameOf(newest, backups);
  const verified = newest === undefined ? null : newest.verification?.ok === true;
  degraded('backup_verified', verified, 'The newest backup is not verified.', commands.verify(nameOfNewest));
  const needed = 2 * (newest?.size ?? 0);
  const hasRoom = freeBytes === null || newest === undefined ? null : freeBytes >= needed;
  const room = `${freeBytes} bytes are free where the backups lie; the next two need about ${needed}.`;
  degraded('disk_space', hasRoom, room, commands.cleanup);
  degraded('last_operation', lastSucceeded, 'The last backup failed.', commands.create);
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
