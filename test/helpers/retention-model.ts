import type { Backup } from 'express-db-backup';
import type { RetentionPolicy } from '../../dist/options/retention.js';

const week = (createdAt: string): string => {
  const date = new Date(createdAt);
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const dayOfYear = (date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000;
  return `${date.getUTCFullYear()} ${Math.ceil((Math.floor(dayOfYear) + 1) / 7)}`;
};
const periodOf: Record<string, (createdAt: string) => string> = {
  hourly: (createdAt) => createdAt.slice(0, 13),
  daily: (createdAt) => createdAt.slice(0, 10),
  weekly: week,
  monthly: (createdAt) => createdAt.slice(0, 7),
  yearly: (createdAt) => createdAt.slice(0, 4),
};

/** The rules told again, backup by backup. */
export function isWanted(backup: Backup, all: readonly Backup[], policy: RetentionPolicy, now: string): boolean {
  const { kind, createdAt, verification } = backup;
  if (kind === null || backup.pinned) return true;
  const rules = policy[kind] ?? policy;
  const minAge = rules.minAge ?? policy.minAge;
  if (minAge !== undefined && Date.parse(now) - Date.parse(createdAt) < minAge) return true;
  const ofKind = all.filter((other) => other.kind === kind);
  const isAhead = (other: Backup): boolean => other.createdAt > now;
  const later = (other: Backup): boolean =>
    isAhead(other) === isAhead(backup) ? other.createdAt > createdAt : isAhead(backup);
  const newest = (wanted: (other: Backup) => boolean): boolean =>
    wanted(backup) && !ofKind.some((other) => wanted(other) && later(other));
  const verified = (other: Backup): boolean => other.verification?.ok === true;
  if (newest(verified) || (!ofKind.some(verified) && newest(() => true))) return true;
  const isDamaged = (other: Backup): boolean => other.verification?.ok === false;
  const groupOf = (other: Backup): string => (isAhead(other) ? 'ahead' : String(isDamaged(other)));
  const group = ofKind.filter((other) => groupOf(other) === groupOf(backup));
  const newer = group.filter((other) => other.createdAt > createdAt);
  const limits = Object.entries({ ...rules }).filter(
    ([name, limit]) => limit !== undefined && (name === 'keep' || name in periodOf),
  );
  if (limits.length === 0) return verification !== undefined;
  return limits.some(([name, limit]) => {
    if (name === 'keep') return newer.length < Number(limit);
    const period = (other: Backup): string => periodOf[name]?.(other.createdAt) ?? '';
    const periods = new Set(newer.map(period));
    return !periods.has(period(backup)) && periods.size < Number(limit);
  });
}
