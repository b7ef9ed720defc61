import type { BackupKind } from '../options/backup-kind.js';
import type { RetentionPolicy, RetentionRules } from '../options/retention.js';
import { type Backup, byNewest } from './backup.js';
import { periodOf, periods } from './calendar.js';

export interface RetentionDecision {
  readonly filename: string;
  readonly reason: string;
}

export interface RetentionPlan {
  readonly remove: readonly RetentionDecision[];
  readonly keep: readonly RetentionDecision[];
}

export interface RetentionCircumstances {
  readonly now: Date;
  /** Whether the file is being read. */
  readonly isHeld: (filename: string) => boolean;
  /** The backup from before a migration that nobody has finished. */
  readonly wayBack?: string | null | undefined;
  /** By filename, a table that the backup has rows of and that has lost them since. */
  readonly lost?: ReadonlyMap<string, string> | undefined;
}

/** The decisions while they are made: a backup with a reason to keep it stays. */
type Reasons = Map<string, string>;

/**
 * Decides which backups go, with one reason for each; does nothing. The rules are those of restic's `forget`: what any
 * rule keeps stays. Kinds are counted each by itself, and damaged backups and those of a clock that was ahead apart from
 * the others, whose places they do not take. Never removed: a pinned one, a stray file, one that is being read, one younger than `minAge`, the way back from a migration
 * that has not ended well, one with rows that a table has lost since, and of each
 * kind the newest one that passed verification, or where none has, the newest.
 */
export function planRetention(
  backups: readonly Backup[],
  policy: RetentionPolicy,
  circumstances: RetentionCircumstances,
): RetentionPlan {
  const sorted = [...backups].sort(byNewest);
  const kept: Reasons = new Map();
  const removed: Reasons = new Map();
  const untouchable = protectedOnes(sorted, policy, circumstances);
  for (const [kind, members] of byKind(sorted)) {
    const rules = rulesOf(policy, kind);
    for (const group of groupsOf(members, circumstances.now)) applyRules(group, kind, rules, { kept, removed });
    if (policy[kind]?.maxTotalSize !== undefined)
      limitSize(members, policy[kind].maxTotalSize, { kept, removed, untouchable });
  }
  for (const [filename, reason] of untouchable) keepAfterAll(filename, reason, { kept, removed });
  if (policy.maxTotalSize !== undefined) limitSize(sorted, policy.maxTotalSize, { kept, removed, untouchable });
  return {
    remove: sorted.flatMap(({ filename }) => decision(filename, removed)),
    keep: sorted.flatMap(({ filename }) => decision(filename, kept)),
  };
}

const isSound = ({ verification }: Backup): boolean => verification?.ok !== false;
const isAhead = ({ createdAt }: Backup, now: Date): boolean => Date.parse(createdAt) > now.getTime();
/** Those of a clock that was ahead come last: they look newer than what is made now. */
const inTime = (members: readonly Backup[], now: Date): Backup[] => [
  ...members.filter((backup) => !isAhead(backup, now)),
  ...members.filter((backup) => isAhead(backup, now)),
];
const isManaged = (backup: Backup): backup is Backup & { readonly kind: BackupKind } => backup.kind !== null;
const rulesOf = (policy: RetentionPolicy, kind: BackupKind): RetentionRules => policy[kind] ?? policy;

function decision(filename: string, reasons: Reasons): RetentionDecision[] {
  const reason = reasons.get(filename);
  return reason === undefined ? [] : [{ filename, reason }];
}

/** What is counted by itself, and takes no place of the others. */
function groupsOf(members: readonly Backup[], now: Date): Backup[][] {
  const ahead = members.filter((backup) => isAhead(backup, now));
  const present = members.filter((backup) => !isAhead(backup, now));
  return [present.filter(isSound), present.filter((backup) => !isSound(backup)), ahead];
}

function byKind(sorted: readonly Backup[]): Map<BackupKind, Backup[]> {
  const groups = new Map<BackupKind, Backup[]>();
  for (const backup of sorted.filter(isManaged)) groups.set(backup.kind, [...(groups.get(backup.kind) ?? []), backup]);
  return groups;
}

/** What no rule may remove, and why. */
function protectedOnes(
  sorted: readonly Backup[],
  policy: RetentionPolicy,
  { now, isHeld, wayBack, lost }: RetentionCircumstances,
): Reasons {
  const reasons: Reasons = new Map();
  for (const [kind, members] of byKind(sorted)) {
    const verified = inTime(members, now).find(({ verification }) => verification?.ok === true);
    const [newest] = inTime(members, now);
    if (verified !== undefined) reasons.set(verified.filename, `the newest verified backup of kind ${kind}`);
    else if (newest !== undefined) reasons.set(newest.filename, `the newest backup of kind ${kind}; none is verified`);
    // Rules of a kind's own say nothing of its age unless they name one.
    const minAge = rulesOf(policy, kind).minAge ?? policy.minAge;
    for (const backup of members) {
      const { filename, createdAt, pinned } = backup;
      if (isHeld(filename)) reasons.set(filename, 'being read');
      if (minAge !== undefined && Date.parse(createdAt) > now.getTime() - minAge)
        reasons.set(filename, 'younger than `minAge`');
      const table = lost?.get(filename);
      if (table !== undefined)
        reasons.set(filename, `has rows of the table ${table}, which has lost all of them since`);
      if (filename === wayBack) reasons.set(filename, 'from before a migration that has not ended well');
      if (pinned) reasons.set(filename, 'pinned');
    }
  }
  const stray = 'stray file: it has no manifest, and retention removes only what this package made';
  for (const { filename } of sorted.filter((backup) => !isManaged(backup))) reasons.set(filename, stray);
  return reasons;
}

interface Decisions {
  readonly kept: Reasons;
  readonly removed: Reasons;
}

/** Newest first, so that the first one of a period is its newest. */
function applyRules(
  group: readonly Backup[],
  kind: BackupKind,
  rules: RetentionRules,
  { kept, removed }: Decisions,
): void {
  const set = (['keep', ...periods] as const).filter((rule) => rules[rule] !== undefined);
  const newest = `the newest ${rules.keep} of kind ${kind}`;
  if (set.length === 0) for (const { filename } of group) kept.set(filename, 'no rule limits how many there are');
  for (const rule of set) {
    const chosen = rule === 'keep' ? group : firstOfEach(group, periodOf[rule]);
    for (const { filename, createdAt } of chosen.slice(0, rules[rule]))
      if (!kept.has(filename))
        kept.set(
          filename,
          rule === 'keep' ? `one of ${newest}` : `the newest of ${periodOf[rule](createdAt)} (${rule})`,
        );
  }
  const told = set.map((rule) => `${rule} ${rules[rule]}`).join(', ');
  const reason = told === `keep ${rules.keep}` ? `older than ${newest}` : `kept by no rule for kind ${kind}: ${told}`;
  for (const { filename } of group) if (!kept.has(filename)) removed.set(filename, reason);
}

function firstOfEach(sorted: readonly Backup[], period: (instant: string) => string): Backup[] {
  const seen = new Set<string>();
  return sorted.filter(({ createdAt }) => {
    const key = period(createdAt);
    return !seen.has(key) && seen.add(key);
  });
}

function keepAfterAll(filename: string, reason: string, { kept, removed }: Decisions): void {
  removed.delete(filename);
  if (!kept.has(filename)) kept.set(filename, reason);
}

/** The oldest go first, until what is left fits, or is protected. */
function limitSize(
  sorted: readonly Backup[],
  limit: number,
  { kept, removed, untouchable }: Decisions & { readonly untouchable: Reasons },
): void {
  const staying = sorted.filter(
    (backup) => isManaged(backup) && (kept.has(backup.filename) || untouchable.has(backup.filename)),
  );
  let total = staying.reduce((sum, { size }) => sum + size, 0);
  for (const { filename, size } of staying.reverse()) {
    if (total <= limit) return;
    if (untouchable.has(filename)) continue;
    kept.delete(filename);
    removed.set(filename, `the backups take more than ${limit} bytes, and it is one of the oldest`);
    total -= size;
  }
}
