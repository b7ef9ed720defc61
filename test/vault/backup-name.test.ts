import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backupName, isBackupName, manifestName, requireBackupName } from '../../dist/vault/backup-name.js';

const createdAt = new Date('2026-01-08T21:00:00.123Z');

describe('a name that is given', () => {
  it.each([
    ['manual', 1, 'app_backup_2026-01-08_21-00-00.db'],
    ['manual', 2, 'app_backup_2026-01-08_21-00-00_2.db'],
    ['safety', 1, 'app_safety_2026-01-08_21-00-00.db'],
    ['pre_migration', 3, 'app_pre_migration_2026-01-08_21-00-00_3.db'],
    ['uploaded', 1, 'app_uploaded_2026-01-08_21-00-00.db'],
    ['scheduled', 1, 'app_scheduled_2026-01-08_21-00-00.db'],
  ] as const)('says the kind %s and the attempt %i in UTC: %s', (kind, attempt, expected) => {
    expect(backupName({ prefix: 'app', kind, createdAt, extension: 'db' }, attempt)).toBe(expected);
    expect(isBackupName(expected)).toBe(true);
  });

  it('has a manifest of the same name', () => {
    expect(manifestName('app_backup_2026-01-08_21-00-00_2.db')).toBe('app_backup_2026-01-08_21-00-00_2.json');
  });
});

describe('a name that is asked for', () => {
  it.each([
    '',
    '.',
    '..',
    '.db',
    'a',
    'a.json',
    'a.db-wal',
    'a.db-shm',
    'a.db-journal',
    '../a.db',
    'a/b.db',
    'a\\b.db',
    '/a.db',
    'a..db',
    'a\0.db',
    'a.db\0',
    'a\n.db',
    'a\r.db',
    ' a.db',
    'a.db ',
    'a.db.',
    'ä.db',
    'a\u0308.db',
    '💾.db',
    '\u202Ea.db',
    'CON.db',
    'con.db',
    'NUL.x.db',
    'COM1.db',
    'C:\\x.db',
    'C:x.db',
    'file:x.db',
    'a.db?mode=rw',
    'a%2fb.db',
    '.tmp-a.db',
    '-a.db',
    '_a.db',
    'A.DB',
    `${'a'.repeat(198)}.db`,
    'operation.lock',
    'latest.db\u2028',
  ])('is refused: %j', (name) => {
    expect(isBackupName(name)).toBe(false);
    expect(() => requireBackupName(name)).toThrow(expect.objectContaining({ code: 'invalid_filename' }));
  });

  it('never reaches outside its directory, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        for (const name of [text, `${text}.db`])
          if (isBackupName(name)) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*\.db$/);
      }),
    );
  });
});
