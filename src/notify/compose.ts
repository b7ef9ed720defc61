import type { TroubleEvent } from '../options/notify-options.js';
import type { LastGoodBackup, Notification } from './notifier.js';
import type { Notice } from './occurrence.js';
import type { Streak } from './streaks.js';

/** What stands in every message. */
export interface Circumstances {
  readonly database: string;
  readonly host: string;
  readonly at: string;
  /** Null when there is none, undefined when nobody knows. */
  readonly lastGoodBackup: LastGoodBackup | null | undefined;
}

const troubles: Readonly<Record<TroubleEvent, string>> = {
  'backup.failed': 'backups fail',
  'backup.damaged': 'a backup is damaged',
  'restore.failed': 'a restore failed',
  'restore.interrupted': 'a restore was interrupted',
  'schedule.missed': 'scheduled backups were missed',
  'database.invalid': 'the database is not what it must be',
  'table.shrank': 'a table has lost all its rows',
  'disk.low': 'the disk of the backups is nearly full',
};

const recoveries: Readonly<Record<TroubleEvent, string>> = {
  'backup.failed': 'backups work again',
  'backup.damaged': 'a backup that was damaged passes its verification',
  'restore.failed': 'a restore has succeeded',
  'restore.interrupted': 'a restore that was interrupted is settled',
  'schedule.missed': 'scheduled backups are made again',
  'database.invalid': 'the database is what it must be',
  'table.shrank': 'a table has rows again',
  'disk.low': 'there is room for backups again',
};

const failures: Readonly<Record<TroubleEvent, string>> = {
  'backup.failed': 'failed backup',
  'backup.damaged': 'failed verification',
  'restore.failed': 'failed restore',
  'restore.interrupted': 'interrupted restore',
  'schedule.missed': 'missed run',
  'database.invalid': 'failed validation',
  'table.shrank': 'time',
  'disk.low': 'time',
};

export function composeTrouble({ trouble, since, count }: Streak, circumstances: Circumstances): Notification {
  const { event, code, what, hint, facts } = trouble;
  const reason = event.endsWith('.failed') ? ` (${code})` : '';
  const title = `${circumstances.database}: ${troubles[event]}${reason}`;
  const told = { event, status: 'trouble', title, detail: what, code, hint, facts, since, count } as const;
  return compose(told, circumstances, [
    ['What', what],
    ['Since', spellSince(since, circumstances.at, count)],
    ['What to do', withValues(hint, facts)],
  ]);
}

/** One message for all streaks of an event that ended at once, such as backups that failed for two reasons. */
export function composeRecovery(over: readonly [Streak, ...Streak[]], circumstances: Circumstances): Notification {
  const [{ trouble }] = over;
  const { event, code } = trouble;
  const since = over.map((streak) => streak.since).sort()[0] ?? circumstances.at;
  const count = over.reduce((sum, streak) => sum + streak.count, 0);
  const title = `${circumstances.database}: ${recoveries[event]}`;
  const detail = `${spellCount(count, failures[event])} since ${spellInstant(since)}, for ${spellTime(since, circumstances.at)}. The last: ${trouble.what}`;
  const told = {
    event,
    status: 'recovered',
    title,
    detail,
    code,
    hint: null,
    facts: trouble.facts,
    since,
    count,
  } as const;
  return compose(told, circumstances, [
    ['Works again since', spellInstant(circumstances.at)],
    ['Before that', detail],
  ]);
}

export function composeNotice({ event, what, facts }: Notice, circumstances: Circumstances): Notification {
  const title = `${circumstances.database}: ${event}`;
  const rest = { code: null, hint: null, facts, since: circumstances.at, count: 1 } as const;
  return compose({ event, status: 'notice', title, detail: what, ...rest }, circumstances, [['What', what]]);
}

type Told = Omit<Notification, 'version' | 'database' | 'host' | 'at' | 'lastGoodBackup' | 'text'>;

function compose(
  told: Told,
  circumstances: Circumstances,
  lines: readonly (readonly [string, string])[],
): Notification {
  const { database, host, at, lastGoodBackup } = circumstances;
  const known: readonly (readonly [string, string])[] = [
    ['Database', `${database} on ${host}`],
    ...lines,
    ['Last good backup', spellBackup(lastGoodBackup)],
  ];
  const text = [`${told.title}.`, '', ...known.map(([name, value]) => `${name}: ${value}`), ''].join('\n');
  return { version: 1, ...told, database, host, at, ...(lastGoodBackup !== undefined && { lastGoodBackup }), text };
}

/** The hints of the error table name facts, such as `requiredBytes`. */
function withValues(hint: string, facts: Notification['facts']): string {
  const named = Object.entries(facts).filter(([name, value]) => hint.includes(`\`${name}\``) && value !== null);
  return named.length === 0 ? hint : `${hint} (${named.map(([name, value]) => `${name}: ${value}`).join(', ')})`;
}

function spellBackup(backup: LastGoodBackup | null | undefined): string {
  if (backup === undefined) return 'not known, the vault could not be read';
  if (backup === null) return 'there is none';
  return `${backup.filename}, ${spellMs(backup.ageMs)} old`;
}

const spellCount = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const spellInstant = (instant: string): string => `${instant.slice(0, 19).replace('T', ' ')} UTC`;
const spellTime = (from: string, to: string): string => spellMs(Date.parse(to) - Date.parse(from));

function spellSince(since: string, at: string, count: number): string {
  return count === 1 ? spellInstant(since) : `${spellInstant(since)} (${count} times in ${spellTime(since, at)})`;
}

/** The two largest units, such as `1 day 3 hours`. */
function spellMs(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  const parts = [
    spellCount(Math.floor(minutes / 1_440), 'day'),
    spellCount(Math.floor(minutes / 60) % 24, 'hour'),
    spellCount(minutes % 60, 'minute'),
  ];
  const first = parts.findIndex((part) => !part.startsWith('0 '));
  return parts
    .slice(first, first + 2)
    .filter((part) => !part.startsWith('0 '))
    .join(' ');
}
