import type { BackupStats } from '../../../operations/backup-service.js';
import type { RetentionRules } from '../../../options/retention.js';
import type { Settings } from '../../config.js';
import { spellBytes, spellMs } from '../../terminal.js';
import { type Diagnosis, note, passed } from './diagnosis.js';

export function examineRoom({ freeBytes, newest }: BackupStats, liveBytes: number): Diagnosis {
  const check = 'room_for_restore';
  if (freeBytes === null) return note(check, 'The free space cannot be told.');
  if (newest === null && liveBytes === 0) return note(check, 'There is nothing yet that could be restored.');
  // A staged copy, a log as large as the backup, and a safety backup of what is there.
  const needed = 2 * (newest?.size ?? liveBytes) + liveBytes;
  const message = `${spellBytes(freeBytes)} are free; a restore takes up to ${spellBytes(needed)}.`;
  if (freeBytes >= needed) return passed(check, message);
  return { check, verdict: 'critical', message, fix: 'Free space on the file system of the backups.' };
}

/** Less than this no fault of an application is noticed in. */
const leastAgeMs = 3_600_000;
const counts = ['keep', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const kinds = ['manual', 'scheduled', 'pre_migration'] as const;

export function examineRetention(
  { options }: Settings,
  { retention, newest }: BackupStats,
  liveBytes: number,
): Diagnosis {
  const check = 'retention';
  if (options.retention === undefined)
    return note(check, 'No `retention` is named here: what the application keeps cannot be judged.');
  const warn = (message: string, fix: string): Diagnosis => ({ check, verdict: 'warning', message, fix });
  const { maxTotalSize, minAge } = retention;
  const size = Math.max(liveBytes, newest?.size ?? 0);
  if (maxTotalSize !== undefined && maxTotalSize < 2 * size)
    return warn(
      `\`retention.maxTotalSize\` (${spellBytes(maxTotalSize)}) has room for one backup at most.`,
      'Raise it to several times the size of the database.',
    );
  const [poor] = [retention, ...kinds.flatMap((kind) => retention[kind] ?? [])].filter(keepsOne);
  if (poor !== undefined)
    return warn(
      'Retention keeps one backup: what is lost and noticed after the next one is lost for good.',
      'Raise `retention.keep`, or add `daily` and `weekly`.',
    );
  if (minAge !== undefined && minAge < leastAgeMs)
    return warn(
      `\`retention.minAge\` (${spellMs(minAge)}) keeps nothing for long enough to be missed.`,
      'Raise it to days, such as "7d", or leave it away.',
    );
  return passed(check, 'Retention has room for more than one backup.');
}

/** Of rules that have no count at all the size alone decides. */
function keepsOne(rules: RetentionRules): boolean {
  const given = counts.flatMap((count) => rules[count] ?? []);
  return given.length > 0 && given.every((count) => count <= 1) && (rules.minAge ?? 0) < leastAgeMs;
}

/** Earlier than this release no clock can be right. */
const released = Date.UTC(2026, 0, 1);

export function examineClock({ newest }: BackupStats): Diagnosis {
  const check = 'clock';
  const now = Date.now();
  const fix = 'Set the clock of this machine, by NTP if it can.';
  if (now < released) return { check, verdict: 'critical', message: 'The clock of this machine is wrong.', fix };
  if (newest !== null && Date.parse(newest.createdAt) > now + 60_000)
    return { check, verdict: 'warning', message: 'A backup is from the future: the clock was or is wrong.', fix };
  return passed(check, 'The clock is later than all backups.');
}
