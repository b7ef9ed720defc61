import { expect, it } from 'vitest';
import {
  assessBackups,
  type BackupsState,
  findRestorable,
  type KnownBackup,
} from '../../dist/health/assess-backups.js';

const hourMs = 3_600_000;
const now = new Date('2026-01-08T21:00:00.000Z');
const backup = (change: Partial<KnownBackup> = {}): KnownBackup => ({
  kind: 'scheduled',
  createdAt: '2026-01-08T20:00:00.000Z',
  size: 100,
  verification: { ok: true },
  warnings: [],
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
  ['a damaged one alone', { backups: [backup({ verification: { ok: false } })] }, 'backup_fresh'],
  ['one that was never verified', { backups: [backup({ verification: { ok: null } })] }, 'backup_verified'],
  ['no room for the next two', { freeBytes: 199 }, 'disk_space'],
  ['a last one that failed', { lastSucceeded: false }, 'last_operation'],
  ['a table that lost its rows', { backups: [backup({ warnings: ['Table users is empty.'] })] }, 'tables_kept'],
])('%s is degraded and never worse', (_what, change, check) => {
  const { failed, findings } = assess(change);
  expect(failed).toEqual([check]);
  expect(findings[0]?.severity).toBe('degraded');
  expect(findings[0]?.command).toMatch(/^npx express-db-backup \w+/);
});

it('backups that cannot be read are degraded, and nothing else is said of them', () => {
  const { failed, checks } = assess({
    fault: 'The vault cannot be written to',
    backups: [],
    freeBytes: null,
    lastSucceeded: null,
  });
  expect(failed).toEqual(['backups_readable']);
  expect(checks).toMatchObject({ backup_fresh: null, backup_verified: null });
});

it('a damaged backup does not hide the older one that is good', () => {
  const backups = [backup({ verification: { ok: false } }), backup({ createdAt: '2026-01-07T20:00:00.000Z' })];
  expect(assess({ backups }).told).toMatchObject({ lastSuccessAt: '2026-01-07T20:00:00.000Z', count: 2 });
});

it('the backup to restore is the newest that has what is wanted, and `latest` only where that stands for it', () => {
  const named = (filename: string, tables: Record<string, number>, change: Partial<KnownBackup> = {}) => ({
    ...backup(change),
    filename,
    tables,
  });
  const wanted = { requiredTables: ['orders'], minimumRows: { users: 1 } };
  const good = { Orders: 0, users: 2 };
  const of = (...backups: ReturnType<typeof named>[]): string | null => findRestorable(backups, wanted);
  expect(of(named('a', good), named('b', good))).toBe('latest');
  expect(of(named('s', {}, { kind: 'safety' }), named('a', good))).toBe('latest');
  expect(of(named('empty', {}, { kind: 'pre_migration' }), named('a', { ...good, users: 0 }), named('b', good))).toBe(
    'b',
  );
  expect(of(named('damaged', good, { verification: { ok: false } }), named('b', good))).toBe('b');
  expect(of(named('empty', {}), named('upload', good, { kind: 'uploaded' }))).toBeNull();
  expect(findRestorable([named('empty', {})], { requiredTables: [], minimumRows: {} })).toBeNull();
});
