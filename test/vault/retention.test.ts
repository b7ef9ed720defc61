import type { Backup } from 'express-db-backup';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planRetention } from '../../dist/vault/retention.js';

const kinds = ['manual', 'scheduled', 'safety', 'pre_migration', 'uploaded'] as const;
type Kind = (typeof kinds)[number];

function backup(minute: number, kind: Kind | null, change: Partial<Backup> = {}): Backup {
  const createdAt = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
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
const policy = { keep: 2, safety: { keep: 1 } };
const free = () => false;
const removed = (backups: Backup[], isHeld: (filename: string) => boolean = free): string[] =>
  planRetention(backups, policy, isHeld)
    .remove.map(({ filename }) => filename)
    .sort();

describe('a plan', () => {
  it('counts each kind by itself', () => {
    const backups = [1, 2, 3].flatMap((minute) => kinds.map((kind) => backup(minute, kind)));
    expect(removed(backups)).toEqual(
      [
        'app_manual_1.db',
        'app_pre_migration_1.db',
        'app_safety_1.db',
        'app_safety_2.db',
        'app_scheduled_1.db',
        'app_uploaded_1.db',
      ].sort(),
    );
  });

  it('gives one reason for each backup', () => {
    const { keep, remove } = planRetention(
      [backup(1, 'manual'), backup(2, 'manual'), backup(3, 'manual'), backup(4, null)],
      policy,
      free,
    );
    expect(remove).toEqual([{ filename: 'app_manual_1.db', reason: 'older than the newest 2 of kind manual' }]);
    expect(keep.map(({ reason }) => reason)).toEqual([
      'stray file: it has no manifest, and retention removes only what this package made',
      'one of the newest 2 of kind manual',
      'one of the newest 2 of kind manual',
    ]);
  });

  it('never removes the newest verified backup, however old it is', () => {
    const backups = [
      backup(1, 'manual'),
      backup(2, 'manual'),
      backup(3, 'manual', damaged),
      backup(4, 'manual', damaged),
    ];
    expect(removed(backups)).toEqual(['app_manual_1.db']);
  });

  it('keeps a pinned one and one that is being read', () => {
    const backups = [1, 2, 3, 4, 5].map((minute) => backup(minute, 'manual', { pinned: minute === 1 }));
    expect(removed(backups, (filename) => filename === 'app_manual_2.db')).toEqual(['app_manual_3.db']);
  });

  it('lets one kind have a count of its own', () => {
    const plan = planRetention(
      [backup(1, 'manual'), backup(2, 'manual'), backup(3, 'scheduled'), backup(4, 'scheduled')],
      { keep: 1, manual: { keep: 2 } },
      free,
    );
    expect(plan.remove.map(({ filename }) => filename)).toEqual(['app_scheduled_3.db']);
  });
});

const anyBackup = fc.record({
  minute: fc.integer({ min: 0, max: 10_000 }),
  kind: fc.constantFrom(...kinds, null),
  pinned: fc.boolean(),
  ok: fc.constantFrom(true, false, null),
});
const anyHistory = fc.uniqueArray(anyBackup, { selector: ({ minute }) => minute, maxLength: 60 }).map((entries) =>
  entries.map(({ minute, kind, pinned, ok }) =>
    backup(minute, kind, {
      pinned,
      verification: kind === null ? null : { level: 'quick', ok, at: null, problems: [], durationMs: 1 },
    }),
  ),
);
const anyPolicy = fc.record({
  keep: fc.integer({ min: 1, max: 12 }),
  safety: fc.record({ keep: fc.integer({ min: 1, max: 5 }) }),
});

describe('whatever the history and the policy', () => {
  it('every backup is either kept or removed, once', () => {
    fc.assert(
      fc.property(anyHistory, anyPolicy, (backups, anyRule) => {
        const { keep, remove } = planRetention(backups, anyRule, free);
        expect([...keep, ...remove].map(({ filename }) => filename).sort()).toEqual(
          backups.map(({ filename }) => filename).sort(),
        );
      }),
    );
  });

  it('the newest verified one, pinned ones and stray files stay, and each kind has its count', () => {
    fc.assert(
      fc.property(anyHistory, anyPolicy, (backups, anyRule) => {
        const gone = new Set(planRetention(backups, anyRule, free).remove.map(({ filename }) => filename));
        const newest = [...backups].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
        const verified = newest.find(({ verification }) => verification?.ok === true);
        if (verified !== undefined) expect(gone).not.toContain(verified.filename);
        for (const { filename, pinned, kind } of backups)
          if (pinned || kind === null) expect(gone).not.toContain(filename);
        for (const kind of kinds) {
          const limit = kind === 'safety' ? anyRule.safety.keep : anyRule.keep;
          const wanted = newest.filter((entry) => entry.kind === kind).slice(0, limit);
          for (const { filename } of wanted) expect(gone).not.toContain(filename);
        }
      }),
    );
  });

  it('running it again on what it kept removes nothing', () => {
    fc.assert(
      fc.property(anyHistory, anyPolicy, (backups, anyRule) => {
        const gone = new Set(planRetention(backups, anyRule, free).remove.map(({ filename }) => filename));
        expect(
          planRetention(
            backups.filter(({ filename }) => !gone.has(filename)),
            anyRule,
            free,
          ).remove,
        ).toEqual([]);
      }),
    );
  });
});
