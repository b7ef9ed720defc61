import { describe, expect, it } from 'vitest';
import { assessBackups, type BackupsState, findWaysBack, type KnownBackup } from '../../dist/health/assess-backups.js';

const hourMs = 3_600_000;
const now = new Date('2026-01-08T21:00:00.000Z');
const backup = (change: Partial<KnownBackup> = {}): KnownBackup => ({
  filename: 'newest',
  kind: 'scheduled',
  createdAt: '2026-01-08T20:00:00.000Z',
  size: 100,
  verification: { ok: true },
  ...change,
});

function assess(change: Partial<BackupsState>) {
  const { checks, findings, ...told } = assessBackups({
    fault: null,
    backups: [backup()],
    freeBytes: 1_000,
    lastSucceeded: true,
    nextRunAt: null,
    freshUntil: (createdAt) => new Date(createdAt.getTime() + 48 * hourMs),
    now,
    ...change,
  });
  return { checks, failed: findings.map(({ check }) => check), findings, told };
}

it('a young verified backup and room for the next are well', () => {
  const { checks, told } = assess({});
  expect(new Set(Object.values(checks))).toEqual(new Set([true]));
  expect(told).toEqual({ lastSuccessAt: '2026-01-08T20:00:00.000Z', ageSeconds: 3_600, count: 1, nextRunAt: null });
});

it.each([
  ['none', { backups: [] }, 'backup_fresh'],
  ['an old one', { backups: [backup({ createdAt: '2026-01-06T20:59:00.000Z' })] }, 'backup_fresh'],
  [
    'one of a clock that was ahead alone',
    { backups: [backup({ createdAt: '2027-01-01T00:00:00.000Z' })] },
    'backup_fresh',
  ],
  ['an upload alone', { backups: [backup({ kind: 'uploaded' })] }, 'backup_fresh'],
  ['a safety backup alone', { backups: [backup({ kind: 'safety' })] }, 'backup_fresh'],
  ['a damaged one alone', { backups: [backup({ verification: { ok: false } })] }, 'backup_fresh'],
  ['one that was never verified', { backups: [backup({ verification: { ok: null } })] }, 'backup_verified'],
  ['no room for the next two', { freeBytes: 199 }, 'disk_space'],
  ['a last one that failed', { lastSucceeded: false }, 'last_operation'],
])('%s is degraded and never worse', (_what, change, check) => {
  const { failed, findings } = assess(change);
  expect(failed).toEqual([check]);
  expect(findings[0]?.severity).toBe('degraded');
  expect(findings[0]?.command).toMatch(/^npx express-db-backup \w+/);
});

it('backups that cannot be read are degraded, and nothing else is said of them', () => {
  const { failed, findings, checks } = assess({
    fault: 'The vault cannot be written to. Mount it writable.',
    backups: [],
    freeBytes: null,
    lastSucceeded: null,
  });
  expect(failed).toEqual(['backups_readable']);
  expect(findings[0]).toMatchObject({
    message: 'The backups cannot be read: The vault cannot be written to. Mount it writable.',
    command: 'npx express-db-backup list',
  });
  expect(checks).toMatchObject({ backup_fresh: null, backup_verified: null });
});

it('a damaged backup does not hide the older one that is good', () => {
  const backups = [backup({ verification: { ok: false } }), backup({ createdAt: '2026-01-07T20:00:00.000Z' })];
  expect(assess({ backups }).told).toMatchObject({ lastSuccessAt: '2026-01-07T20:00:00.000Z', count: 2 });
});

it.each([['safety'], ['uploaded']])('one of kind %s makes no backup fresh, and is counted', (kind) => {
  const backups = [backup({ kind }), backup({ createdAt: '2026-01-06T20:00:00.000Z' })];
  const { failed, told } = assess({ backups });
  expect(failed).toEqual(['backup_fresh']);
  expect(told).toMatchObject({ lastSuccessAt: '2026-01-06T20:00:00.000Z', count: 2 });
});

it('the newest that is not verified is named, where `latest` is another one', () => {
  const unverified = backup({ filename: 'mine', verification: { ok: null } });
  expect(assess({ backups: [unverified] }).findings[0]?.command).toBe('npx express-db-backup verify latest');
  expect(assess({ backups: [backup({ kind: 'uploaded' }), unverified] }).findings[0]?.command).toBe(
    'npx express-db-backup verify mine',
  );
});

describe('the backup to restore', () => {
  const named = (filename: string, tables: Record<string, number>, change: Partial<KnownBackup> = {}) => ({
    ...backup(change),
    filename,
    tables,
  });
  const wanted = { requiredTables: ['orders'], minimumRows: { users: 1 } };
  const good = { Orders: 0, users: 2 };
  const safety = { kind: 'safety' };
  const uploaded = { kind: 'uploaded' };
  const damaged = { verification: { ok: false } };
  const of = (...backups: ReturnType<typeof named>[]): string | null => findWaysBack(backups, wanted).whole;
  const ofAny = (...backups: ReturnType<typeof named>[]): string | null =>
    findWaysBack(backups, { requiredTables: [], minimumRows: {} }).whole;
  const overNothing = (...backups: ReturnType<typeof named>[]): string | null =>
    findWaysBack(backups, wanted).overNothing;

  it('is the newest that has what is wanted, and `latest` only where that stands for it', () => {
    expect(of(named('a', good), named('b', good))).toBe('latest');
    expect(of(named('s', {}, safety), named('a', good))).toBe('latest');
    expect(of(named('empty', {}), named('few', { ...good, users: 0 }), named('b', good))).toBe('b');
    expect(of(named('damaged', good, damaged), named('b', good))).toBe('b');
    expect(of(named('upload', good, uploaded), named('b', good))).toBe('b');
    expect(ofAny(named('empty', {}))).toBeNull();
  });

  it('is a safety backup, or else an upload, where nothing better is there, by its name', () => {
    expect(of(named('s', good, safety), named('older', good, safety))).toBe('s');
    expect(of(named('upload', good, uploaded), named('s', good, safety))).toBe('s');
    expect(of(named('upload', good, uploaded), named('s', good, { ...safety, ...damaged }))).toBe('upload');
    expect(of(named('stray', good, { kind: null }))).toBeNull();
  });

  it('need not have what is wanted where nothing is left, but rows of this very database', () => {
    const old = { users: 3 };
    expect(overNothing(named('old', old), named('good', good))).toBe('good');
    expect(overNothing(named('empty', { users: 0 }), named('old', old), named('older', old))).toBe('old');
    expect(overNothing(named('upload', old, uploaded), named('damaged', old, damaged))).toBeNull();
    expect(of(named('old', old))).toBeNull();
  });

  it('has rows where any of them has, of whatever kind it is', () => {
    expect(ofAny(named('empty', { a: 0, b: 0 }), named('a', { a: 0, b: 1 }))).toBe('a');
    expect(ofAny(named('empty', { a: 0 }), named('s', { a: 1 }, safety))).toBe('s');
    expect(ofAny(named('empty', { a: 0 }), named('older', { a: 0 }))).toBe('latest');
  });
});
