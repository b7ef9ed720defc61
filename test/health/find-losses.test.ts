import { describe, expect, it } from 'vitest';
import type { DatabaseState } from '../../dist/health/assess-database.js';
import { assessLosses } from '../../dist/health/assess-losses.js';
import {
  type CountedBackup,
  findLosses,
  type LossCircumstances,
  longestLossMs,
} from '../../dist/health/find-losses.js';

const now = new Date('2026-02-08T21:00:00.000Z');
const hourMs = 3_600_000;

/** Newest first, one an hour, each named after how many hours old it is. */
const history = (...tables: readonly Record<string, number>[]): CountedBackup[] =>
  tables.map((rows, index) => aged((index + 1) * hourMs, rows, { filename: `h${index + 1}` }));
const aged = (ageMs: number, tables: Record<string, number>, change: Partial<CountedBackup> = {}): CountedBackup => ({
  filename: 'aged',
  kind: 'manual',
  createdAt: new Date(now.getTime() - ageMs).toISOString(),
  tables,
  verification: { ok: true },
  ...change,
});
const named = (name: string, rows: number): Record<string, number> => Object.fromEntries([[name, rows]]);
const seen = (rows: Record<string, number>, tables = Object.keys(rows)) => ({
  state: 'readable' as const,
  tables,
  rows,
});

const find = (backups: readonly CountedBackup[], change: Partial<LossCircumstances> = {}): string[] =>
  findLosses(backups, { live: null, mayEmpty: [], now, ...change }).map(
    ({ table, rows, backup }) => `${table}: ${rows} in ${backup}`,
  );

describe('a table has lost its rows', () => {
  it.each<[string, CountedBackup[], Partial<LossCircumstances>]>([
    ['in the newest backup', history({ t: 0 }, { t: 5 }, { t: 4 }, { t: 3 }), {}],
    ['long before it', history({ t: 0 }, { t: 0 }, { t: 0 }, { t: 5 }, { t: 4 }, { t: 3 }, { t: 0 }), {}],
    ['that was backed up once with rows', history({ t: 0 }, { t: 5 }), {}],
    ['that was empty before it had its first', history({ t: 0 }, { t: 5 }, { t: 0 }, {}), {}],
    ['that was dropped', history({}, { t: 5 }, { t: 4 }), {}],
    ['in the live database', history({ t: 5 }, { t: 4 }), { live: seen({ t: 0 }) }],
    ['in the live database, from which it was dropped', history({ t: 5 }), { live: seen({}, ['other']) }],
    ['and is spelled otherwise since', history({ T: 0 }, { t: 5 }, { T: 4 }), { live: seen({ T: 0 }) }],
    ['before the live database was lost too', history({ t: 0 }, { t: 5 }), { live: { ...seen({}), state: 'missing' } }],
    ['and has not been counted since', history({ t: 0 }, { t: 5 }), { live: seen({}, ['t']) }],
  ])('%s', (_what, backups, change) => {
    expect(find(backups, change).map((told) => told.toLowerCase())).toEqual([
      `t: 5 in ${backups.find(({ tables }) => Object.values(tables)[0] === 5)?.filename}`,
    ]);
  });

  it('of any name', () => {
    for (const name of ['__proto__', 'constructor'])
      expect(find(history(named(name, 0), named(name, 2)))).toEqual([`${name}: 2 in h2`]);
  });

  it('whatever the kind of the backups that tell', () => {
    const [empty, ...others] = history({ t: 0 }, { t: 5 });
    const kinds = ['scheduled', 'safety', 'pre_migration'];
    for (const kind of kinds)
      expect(find([{ ...empty, kind } as CountedBackup, ...others.map((backup) => ({ ...backup, kind }))])).toEqual([
        't: 5 in h2',
      ]);
  });
});

describe('it is no loss', () => {
  it.each<[string, CountedBackup[], Partial<LossCircumstances>]>([
    ['where there are rows', history({ t: 1 }, { t: 5 }), {}],
    ['where there never were any', history({ t: 0 }, { t: 0 }), { live: seen({ t: 0 }) }],
    ['where rows have come back', history({ t: 0 }, { t: 5 }), { live: seen({ t: 1 }) }],
    ['of a table that is empty now and then', history({ q: 0 }, { q: 5 }, { q: 0 }, { q: 7 }, { q: 8 }), {}],
    ['of one that was filled twice in a row', history({ q: 0 }, { q: 5 }, { q: 4 }, { q: 0 }, { q: 1 }), {}],
    ['of one that may be empty', history({ t: 0 }, { t: 5 }), { mayEmpty: ['T'] }],
    ['of one that nobody has counted', history({ t: 5 }), { live: seen({}, ['t']) }],
    ['after more than 30 days', [aged(longestLossMs + 1, { t: 0 }), aged(longestLossMs + 2, { t: 5 })], {}],
    ['of an upload', [aged(1, { t: 0 }), aged(2, { t: 5 }, { kind: 'uploaded' })], {}],
    ['of a stray file', [aged(1, { t: 0 }), aged(2, { t: 5 }, { kind: null })], {}],
    [
      'where only a damaged backup had rows',
      [aged(1, { t: 0 }), aged(2, { t: 5 }, { verification: { ok: false } })],
      {},
    ],
    ['where the damaged one is the empty one', [aged(1, {}, { verification: { ok: false } }), aged(2, { t: 5 })], {}],
    [
      'where a restore has replaced what was empty, as far as anybody knows',
      [aged(1, { t: 0 }, { kind: 'safety' }), aged(2, { t: 0 }), aged(3, { t: 5 })],
      { live: seen({}, ['t']) },
    ],
    ['with nothing to compare', [], { live: seen({ t: 0 }) }],
  ])('%s', (_what, backups, change) => {
    expect(find(backups, change)).toEqual([]);
  });

  it('of a backup that a clock made that was ahead, while a newer one has rows', () => {
    expect(find([aged(-hourMs, { t: 0 }), aged(1, { t: 5 })])).toEqual([]);
  });
});

it('a loss is as old as the first backup without rows, and 30 days are not too long', () => {
  expect(find([aged(longestLossMs, { t: 0 }), aged(2 * longestLossMs, { t: 5 })])).toEqual(['t: 5 in aged']);
  expect(find([aged(2 * longestLossMs, { t: 5 })], { live: seen({ t: 0 }) })).toEqual(['t: 5 in aged']);
});

describe('what a restore has mended once', () => {
  const replaced = history({ t: 5 }, { t: 0 }, { t: 0 }, { t: 4 }, { t: 3 }, { t: 2 }).map((backup) =>
    backup.filename === 'h2' ? { ...backup, kind: 'safety' } : backup,
  );

  it('and is lost again is lost, and not empty now and then', () => {
    expect(find(replaced, { live: seen({ t: 0 }) })).toEqual(['t: 5 in h1']);
    expect(find(replaced.slice(1), { live: seen({ t: 0 }) })).toEqual(['t: 4 in h4']);
  });

  it('is proved by the safety backup too, without which the other ones would be a gap', () => {
    const [loss] = findLosses(replaced, { live: seen({ t: 0 }), mayEmpty: [], now });
    expect(loss?.witnesses).toEqual(['h1', 'h2', 'h4', 'h5']);
    const kept = replaced.filter(({ filename }) => filename === 'h3' || loss?.witnesses.includes(filename));
    expect(find(kept, { live: seen({ t: 0 }) })).toEqual(['t: 5 in h1']);
  });

  it('is empty now and then where it was so between other backups too', () => {
    const older = history({}, {}, {}, {}, {}, {}, { t: 0 }, { t: 1 }).slice(6);
    expect(find([...replaced.slice(0, 4), ...older], { live: seen({ t: 0 }) })).toEqual([]);
  });
});

it('the backups that prove it are named with it', () => {
  const [loss] = findLosses(history({ t: 0 }, { t: 5 }, { t: 4 }, { t: 3 }, { t: 2 }), {
    live: null,
    mayEmpty: [],
    now,
  });
  expect(loss?.witnesses).toEqual(['h2', 'h3', 'h4']);
});

describe('the finding', () => {
  const live = (...tables: string[]): Pick<DatabaseState, 'state' | 'tables'> => ({ state: 'readable', tables });
  const told = (backups: readonly CountedBackup[], found: ReturnType<typeof live>) => {
    const losses = findLosses(backups, { live: null, mayEmpty: [], now });
    const { checks, findings } = assessLosses(losses, found);
    expect(checks).toEqual({ tables_kept: false });
    expect(findings.map(({ severity }) => severity)).toEqual(['degraded']);
    return { message: findings[0]?.message, command: findings[0]?.command };
  };

  it('names the table, its rows, the backup, and the command that brings these rows back', () => {
    expect(told(history({ t: 0 }, { t: 5 }), live('t'))).toEqual({
      message: 'The table t lost all its rows; it had 5 in h2. Name tables that may be empty in `mayEmpty`.',
      command: 'npx express-db-backup restore h2 --tables t',
    });
  });

  it('names the table that had the most, and what else the same backup brings back', () => {
    expect(told(history({ a: 0, b: 0, c: 0 }, { a: 1, b: 9 }, { a: 1, b: 8, c: 7 }), live('a', 'B', 'c'))).toEqual({
      message:
        'The table b lost all its rows; it had 9 in h2. So did 2 more tables. Name tables that may be empty in `mayEmpty`.',
      command: 'npx express-db-backup restore h2 --tables a b',
    });
  });

  it('restores all of the backup where a table is gone, or the database is', () => {
    const backups = history({}, { a: 1, b: 2 });
    expect(told(backups, live('a')).command).toBe('npx express-db-backup restore h2');
    expect(told(backups, { ...live('a', 'b'), state: 'unreadable' }).command).toBe('npx express-db-backup restore h2');
  });

  it('is a command line whatever the name of a table', () => {
    const of = (name: string): string | undefined => told(history(named(name, 0), named(name, 1)), live(name)).command;
    expect(of("it's; rm -rf $HOME")).toBe(
      String.raw`npx express-db-backup restore h2 --tables 'it'\''s; rm -rf $HOME'`,
    );
    expect(of('--confirm')).toBe('npx express-db-backup restore h2');
  });

  it('is none where nothing is lost, and nobody can tell without a backup', () => {
    expect(assessLosses([], live())).toEqual({ checks: { tables_kept: true }, findings: [] });
    expect(assessLosses(null, live())).toEqual({ checks: { tables_kept: null }, findings: [] });
    expect(assessLosses([], { ...live(), state: 'empty' }).checks).toEqual({ tables_kept: null });
  });
});
