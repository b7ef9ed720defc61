import { describe, expect, it } from 'vitest';
import { corruptionBug } from '../../dist/engines/sqlite/child/database/corruption-bug.js';
import { assessDatabase, type DatabaseState, type Expectations } from '../../dist/health/assess-database.js';
import { messageOf, statusOf } from '../../dist/health/verdict.js';

const good: DatabaseState = {
  state: 'readable',
  tables: ['orders', 'users'],
  rows: { users: 3 },
  minimums: { users: 1 },
  damaged: [],
  userVersion: 4,
  engineBug: null,
  journalMode: 'wal',
};
const wanted: Expectations = { requiredTables: ['orders'], minimumRows: { users: 1 }, expectedUserVersion: 4 };

function assess(change: Partial<DatabaseState>, restorable: string | null = 'latest') {
  const { checks, findings } = assessDatabase({ ...good, ...change }, wanted, {
    whole: restorable,
    overNothing: restorable,
  });
  return { checks, findings, status: statusOf(findings), message: messageOf(findings) };
}
const nothing = { tables: [], rows: {}, minimums: {}, userVersion: null };

describe('the live database', () => {
  it('is healthy when it is what the application needs', () => {
    const { checks, status } = assess({});
    expect(status).toBe('healthy');
    expect(checks).toEqual({
      database_exists: true,
      database_readable: true,
      database_unlocked: true,
      database_initialized: true,
      has_orders: true,
      has_users: true,
      rows_users: true,
      schema_version: true,
      engine_sound: true,
    });
  });

  it.each([
    ['missing', { ...nothing, state: 'missing' }, 'database_exists', 'is missing'],
    ['no database', { ...nothing, state: 'unreadable' }, 'database_readable', 'cannot be opened'],
    ['without tables', { ...nothing, state: 'empty' }, 'database_initialized', 'has no tables'],
    ['without a table that is required', { tables: ['users'] }, 'has_orders', 'The table orders is missing'],
    [
      'without rows where rows must be',
      { minimums: { users: 0 } },
      'rows_users',
      'has 0 rows; it must have at least 1',
    ],
    ['with a table that is damaged', { damaged: ['log'] }, 'reads_log', 'The table log is damaged'],
  ] as const)('%s is critical, and the command puts the newest backup back', (_what, change, check, told) => {
    const { checks, findings, status, message } = assess(change);
    expect(status).toBe('critical');
    expect(checks[check]).toBe(false);
    expect(findings.map((finding) => finding.check)).toEqual([check]);
    expect(message).toContain(told);
    expect(message).toContain('Run: npx express-db-backup restore latest');
  });

  it('for which there is no backup names the migrations', () => {
    expect(assess({ ...nothing, state: 'empty' }, null).message).toContain('Run: npx express-db-backup migrate -- ');
  });

  it('of which the newest backup is as bad names an older one', () => {
    expect(assess({ tables: ['users'] }, 'app_backup_2026-01-08_21-00-00.db').message).toContain(
      'Run: npx express-db-backup restore app_backup_2026-01-08_21-00-00.db',
    );
  });

  it('that could not be looked at is critical, and nothing is said of what cannot be seen', () => {
    const { checks, findings } = assess({ ...nothing, state: 'unknown' });
    expect(findings.map(({ check, severity }) => [check, severity])).toEqual([['database_readable', 'critical']]);
    expect(checks).toMatchObject({ database_exists: true, has_users: null, rows_users: null });
  });

  it('has its tables whatever the case of their names', () => {
    expect(assess({ tables: ['Orders', 'USERS'] }).status).toBe('healthy');
  });

  it('with a schema that is too old is critical, and the command migrates it', () => {
    const { status, message } = assess({ userVersion: 3 });
    expect([status, message]).toEqual([
      'critical',
      'The schema is too old: its user_version is 3, the application needs 4. Run: npx express-db-backup migrate -- <your migration command>',
    ]);
  });

  it('that is locked is degraded, and nothing is said of what cannot be seen', () => {
    const { checks, status, message } = assess({ ...nothing, state: 'locked' });
    expect(status).toBe('degraded');
    expect(message).toContain('look for a process that has left a transaction open');
    expect(checks).toMatchObject({ database_exists: true, has_users: null, rows_users: null, schema_version: null });
  });

  it('of an engine that can damage it is degraded', () => {
    const { status, message } = assess({ engineBug: 'SQLite 3.49.0 can damage it.' });
    expect([status, message]).toEqual(['degraded', 'SQLite 3.49.0 can damage it. Run: npm install better-sqlite3@12']);
  });

  it('is told by its worst finding first, with how many more there are', () => {
    expect(assess({ tables: [], state: 'readable', engineBug: 'It is old.' }).message).toBe(
      'The table orders is missing. 2 more checks do not pass. Run: npx express-db-backup restore latest',
    );
  });

  it('may have tables of any name', () => {
    const { checks } = assessDatabase(
      { ...good, tables: ['__proto__'] },
      { requiredTables: ['__proto__'], minimumRows: {} },
      { whole: null, overNothing: null },
    );
    expect(Object.entries(checks)).toContainEqual(['has___proto__', true]);
  });
});

it.each([
  ['3.51.2', true],
  ['3.51.3', false],
  ['3.53.2', false],
  ['4.0.0', false],
  ['3.50.7', false],
  ['3.50.6', true],
  ['3.44.6', false],
  ['3.9.0', true],
])('SQLite %s is known to damage databases: %s', (version, isBad) => {
  expect(corruptionBug(version) !== null).toBe(isBad);
});
