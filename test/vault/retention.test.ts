import type { Backup } from 'express-db-backup';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RetentionPolicy } from '../../dist/options/retention.js';
import { planRetention, type RetentionPlan } from '../../dist/vault/retention.js';
import { isWanted } from '../helpers/retention-model.js';

const kinds = ['manual', 'scheduled', 'safety', 'pre_migration', 'uploaded'] as const;
type Kind = (typeof kinds)[number];

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();

function backup(minute: number, kind: Kind | null, change: Partial<Backup> = {}): Backup {
  const createdAt = change.createdAt ?? at(minute);
  const verification = { level: 'quick' as const, ok: true, at: createdAt, problems: [], durationMs: 1 };
  const told = {
    engine: 'sqlite',
    status: 'completed' as const,
    createdBy: 'x',
    notes: null,
    sha256: 'x',
    durationMs: 1,
  };
  const lists = { tables: {}, encoding: [], copies: [], warnings: [] };
  return {
    filename: `app_${kind}_${minute}.db`,
    kind,
    createdAt,
    pinned: false,
    size: 1,
    manifest: kind !== null,
    verification,
    ...told,
    ...lists,
    ...change,
  };
}

const damaged = { verification: { level: 'full' as const, ok: false, at: null, problems: ['x'], durationMs: 1 } };
const unverified = { verification: { level: 'none' as const, ok: null, at: null, problems: [], durationMs: 0 } };
const policy = { keep: 2, safety: { keep: 1 } };
const later = new Date(Date.UTC(2030, 0, 1));
const free = (_filename: string): boolean => false;
const plan = (backups: readonly Backup[], rules: RetentionPolicy = policy, isHeld = free, now = later): RetentionPlan =>
  planRetention(backups, rules, { now, isHeld });
const names = (decisions: RetentionPlan['keep']): string[] => decisions.map(({ filename }) => filename).sort();
const removed = (backups: readonly Backup[], rules?: RetentionPolicy, isHeld?: typeof free): string[] =>
  names(plan(backups, rules, isHeld).remove);
const minutes = (...wanted: number[]): Backup[] => wanted.map((minute) => backup(minute, 'manual'));
const manual = (...wanted: number[]): string[] => wanted.map((minute) => `app_manual_${minute}.db`).sort();

describe('a plan', () => {
  it('counts each kind by itself', () => {
    const backups = [1, 2, 3].flatMap((minute) => kinds.map((kind) => backup(minute, kind)));
    const first = kinds.map((kind) => `app_${kind}_1.db`);
    expect(removed(backups)).toEqual([...first, 'app_safety_2.db'].sort());
  });

  it('gives one reason for each backup', () => {
    const { keep, remove } = plan([...minutes(1, 2, 3), backup(4, null)], { keep: 1, daily: 1, hourly: 2 });
    expect(remove).toEqual([
      { filename: 'app_manual_2.db', reason: 'kept by no rule for kind manual: keep 1, hourly 2, daily 1' },
      { filename: 'app_manual_1.db', reason: 'kept by no rule for kind manual: keep 1, hourly 2, daily 1' },
    ]);
    expect(keep).toEqual([
      {
        filename: 'app_null_4.db',
        reason: 'stray file: it has no manifest, and retention removes only what this package made',
      },
      { filename: 'app_manual_3.db', reason: 'one of the newest 1 of kind manual' },
    ]);
  });

  it('never removes the newest verified backup, however old it is', () => {
    const backups = [backup(1, 'manual'), ...[2, 3, 4].map((minute) => backup(minute, 'manual', unverified))];
    expect(removed(backups)).toEqual(manual(2));
    expect(plan(backups).keep.at(-1)).toEqual({
      filename: 'app_manual_1.db',
      reason: 'the newest verified backup of kind manual',
    });
  });

  it('lets no damaged backup take the place of a sound one', () => {
    const backups = [...minutes(1, 2, 3), ...[4, 5, 6].map((minute) => backup(minute, 'manual', damaged))];
    expect(removed(backups)).toEqual(manual(1, 4));
  });

  it('keeps what is younger than the `minAge` of all also of a kind with rules of its own', () => {
    const backups = [1, 2, 3].flatMap((minute) => [backup(minute, 'manual'), backup(minute, 'safety')]);
    const rules = { keep: 1, minAge: 120_000, safety: { keep: 1 } };
    expect(names(plan(backups, rules, free, new Date(at(3.5))).remove)).toEqual(['app_manual_1.db', 'app_safety_1.db']);
    expect(names(plan(backups, { ...rules, safety: { keep: 1, minAge: 1 } }, free, new Date(at(3.5))).remove)).toEqual([
      'app_manual_1.db',
      'app_safety_1.db',
      'app_safety_2.db',
    ]);
  });

  it('counts those of a clock that was ahead apart: they take the place of no other', () => {
    const ahead = minutes(101, 102, 103);
    const now = new Date(at(50));
    const { remove } = plan([...minutes(1, 2, 3, 4), ...ahead], { keep: 2 }, free, now);
    expect(names(remove)).toEqual(manual(1, 2, 101));
    const largest = plan([...minutes(1, 2), ...ahead], { maxTotalSize: 1 }, free, now);
    expect(largest.keep).toContainEqual({
      filename: 'app_manual_2.db',
      reason: 'no rule limits how many there are',
    });
  });

  it('keeps a pinned one, one that is being read, and one that is younger than `minAge`', () => {
    const backups = [1, 2, 3, 4, 5, 6].map((minute) => backup(minute, 'manual', { pinned: minute === 1 }));
    const now = new Date(at(10));
    const rules = { keep: 1, minAge: 5.5 * 60_000 };
    const { remove, keep } = plan(backups, rules, (filename: string) => filename === 'app_manual_2.db', now);
    expect(names(remove)).toEqual(manual(3, 4));
    expect(keep.map(({ reason }) => reason)).toEqual([
      'one of the newest 1 of kind manual',
      'younger than `minAge`',
      'being read',
      'pinned',
    ]);
  });

  it('keeps the way back from a migration that has not ended well, in the place of no other', () => {
    const wayBack = 'app_manual_1.db';
    const backups = minutes(1, 2, 3, 4);
    const { remove, keep } = planRetention(backups, policy, { now: later, isHeld: free, wayBack });
    expect([names(remove), names(keep)]).toEqual([manual(2), manual(1, 3, 4)]);
    const small = planRetention(backups, { maxTotalSize: 1 }, { now: later, isHeld: free, wayBack });
    expect(names(small.keep)).toEqual(manual(1, 4));
  });

  it('keeps one with rows that a table has lost since, in the place of no other', () => {
    const lost = new Map([['app_manual_1.db', 'users']]);
    const backups = minutes(1, 2, 3, 4);
    const { remove, keep } = planRetention(backups, policy, { now: later, isHeld: free, lost });
    expect([names(remove), names(keep)]).toEqual([manual(2), manual(1, 3, 4)]);
    expect(keep.at(-1)?.reason).toBe('has rows of the table users, which has lost all of them since');
    const small = planRetention(backups, { maxTotalSize: 1 }, { now: later, isHeld: free, lost });
    expect(names(small.keep)).toEqual(manual(1, 4));
  });

  it('lets one kind have rules of its own', () => {
    const backups = [...minutes(1, 2), backup(3, 'scheduled'), backup(4, 'scheduled')];
    expect(removed(backups, { keep: 1, manual: { daily: 3, keep: 2 } })).toEqual(['app_scheduled_3.db']);
  });

  it('keeps the newest of each hour, day, week, month and year, of those that have any', () => {
    const instants = [
      '2024-12-29T23:00:00.000Z', // Sunday, week 52 of 2024
      '2024-12-30T10:00:00.000Z', // Monday, week 1 of 2025
      '2024-12-31T10:00:00.000Z',
      '2025-01-05T10:00:00.000Z', // Sunday, week 1 of 2025
      '2025-01-06T10:10:00.000Z',
      '2025-01-06T10:20:00.000Z',
      '2025-01-06T11:00:00.000Z',
      '2026-12-31T10:00:00.000Z', // Thursday, week 53 of 2026
      '2027-01-01T10:00:00.000Z', // Friday, week 53 of 2026
    ];
    const backups = instants.map((createdAt) => backup(0, 'manual', { filename: createdAt, createdAt }));
    const kept = (rules: RetentionPolicy): number[] =>
      names(plan(backups, rules).keep).map((name) => instants.indexOf(name));
    expect(kept({ hourly: 5 })).toEqual([3, 5, 6, 7, 8]);
    expect(kept({ daily: 4 })).toEqual([3, 6, 7, 8]);
    expect(kept({ weekly: 4 })).toEqual([0, 3, 6, 8]);
    expect(kept({ monthly: 4 })).toEqual([2, 6, 7, 8]);
    expect(kept({ yearly: 3 })).toEqual([6, 7, 8]);
    expect(kept({ keep: 2, yearly: 9 })).toEqual([2, 6, 7, 8]);
  });

  it('removes the oldest until the rest fits `maxTotalSize`, and no limit that is not set', () => {
    const backups = [1, 2, 3, 4].map((minute) => backup(minute, 'manual', { size: 10, pinned: minute === 2 }));
    expect(removed(backups, { maxTotalSize: 40 })).toEqual([]);
    expect(removed(backups, { maxTotalSize: 39 })).toEqual(manual(1));
    expect(removed(backups, { maxTotalSize: 1 })).toEqual(manual(1, 3));
    expect(plan(backups, { maxTotalSize: 39 }).remove[0]?.reason).toBe(
      'the backups take more than 39 bytes, and it is one of the oldest',
    );
  });

  it('counts the size of one kind, or of the whole vault', () => {
    const backups = [...minutes(1, 4), backup(2, 'scheduled'), backup(3, 'scheduled')];
    expect(removed(backups, { keep: 9, scheduled: { maxTotalSize: 1 } })).toEqual(['app_scheduled_2.db']);
    expect(removed(backups, { keep: 9, maxTotalSize: 3 })).toEqual(manual(1));
  });
});

const count = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
const anyRules = fc.record({ keep: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count });
const anyAge = fc.option(fc.integer({ min: 1, max: 600 * 60_000 }), { nil: undefined });
const anyPolicy = fc.tuple(anyRules, anyRules, fc.integer({ min: 1, max: 5 }), anyAge, anyAge).map(
  ([rules, scheduled, keep, minAge, ofScheduled]): RetentionPolicy => ({
    ...rules,
    minAge,
    scheduled: { ...scheduled, minAge: ofScheduled },
    safety: { keep },
  }),
);
/** Of the clock: in the middle of what is told, so that some backups were made by one that was ahead, or after all of it. */
const anyNow = fc.oneof(fc.integer({ min: 0, max: 600 }), fc.constant(2_000_001)).map((minute) => new Date(at(minute)));
const anyBackup = fc.record({
  // Some years, so that every rule meets periods with many, with one and with none.
  minute: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 2_000_000 })),
  kind: fc.constantFrom(...kinds, null),
  pinned: fc.boolean(),
  ok: fc.constantFrom(true, true, true, false, null),
  size: fc.integer({ min: 1, max: 1_000 }),
});
const anyHistory = fc.uniqueArray(anyBackup, { selector: ({ minute }) => minute, maxLength: 60 }).map((entries) =>
  entries.map(({ minute, kind, pinned, ok, size }) =>
    backup(minute, kind, {
      size,
      pinned: pinned && minute % 4 === 0,
      verification: kind === null ? null : { level: 'quick', ok, at: null, problems: [], durationMs: 1 },
    }),
  ),
);

describe('whatever the history and the policy', () => {
  it('every backup is either kept or removed, once, as the rules say', () => {
    fc.assert(
      fc.property(anyHistory, anyPolicy, anyNow, (backups, anyRule, now) => {
        const { keep, remove } = plan(backups, anyRule, free, now);
        const isKept = (entry: Backup): boolean => isWanted(entry, backups, anyRule, now.toISOString());
        const wanted = backups.filter(isKept).map(({ filename }) => filename);
        expect(names(keep)).toEqual(wanted.sort());
        expect(names([...keep, ...remove])).toEqual(backups.map(({ filename }) => filename).sort());
      }),
      { numRuns: 500 },
    );
  });

  it('what is left fits `maxTotalSize`, or is protected', () => {
    fc.assert(
      fc.property(anyHistory, anyPolicy, fc.integer({ min: 1, max: 20_000 }), (backups, anyRule, maxTotalSize) => {
        const kept = new Set(names(plan(backups, { ...anyRule, maxTotalSize }).keep));
        const left = backups.filter(({ filename, kind }) => kept.has(filename) && kind !== null);
        const tight = new Set(names(plan(backups, { ...anyRule, maxTotalSize: 1 }).keep));
        const size = left.reduce((sum, entry) => sum + entry.size, 0);
        if (size > maxTotalSize) expect(left.filter(({ filename }) => !tight.has(filename))).toEqual([]);
        for (const filename of tight) expect(kept).toContain(filename);
      }),
    );
  });

  it('running it again on what it kept removes nothing', () => {
    fc.assert(
      fc.property(anyHistory, anyPolicy, anyNow, (backups, anyRule, now) => {
        const kept = new Set(names(plan(backups, anyRule, free, now).keep));
        const left = backups.filter(({ filename }) => kept.has(filename));
        expect(names(plan(left, anyRule, free, now).remove)).toEqual([]);
      }),
    );
  });
});
