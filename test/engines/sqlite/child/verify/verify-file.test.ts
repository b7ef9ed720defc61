import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyFile } from '../../../../../dist/engines/sqlite/child/verify/verify-file.js';
import {
  damagePages,
  overwrite,
  type StoredBackup,
  storedBackup,
  trusting,
} from '../../../../helpers/database-files.js';
import { taskContext } from '../../../../helpers/task-context.js';

const verify = (backup: StoredBackup, level: 'quick' | 'full' = 'full') =>
  verifyFile({ ...backup, level }, taskContext());

it('a sound backup passes every check of its level', async () => {
  const backup = await storedBackup();
  const bytes = { file: 'passed', sidecars: 'passed', size: 'passed', sha256: 'passed', header: 'passed' };
  expect((await verify(backup, 'quick')).checks).toEqual(bytes);
  expect(await verify(backup)).toEqual({
    ok: true,
    checks: {
      ...bytes,
      pages: 'passed',
      integrity_check: 'passed',
      foreign_keys: 'passed',
      schema: 'passed',
      rows: 'passed',
    },
    problems: [],
    warnings: [],
  });
});

it('a verification leaves the file, its time and its folder as they were', async () => {
  const backup = await storedBackup();
  const before = [readFileSync(backup.file), statSync(backup.file).mtimeMs, readdirSync(dirname(backup.file))];
  await verify(backup);
  expect([readFileSync(backup.file), statSync(backup.file).mtimeMs, readdirSync(dirname(backup.file))]).toEqual(before);
});

describe('a file that is not the one that was published is not ok, and SQLite is never asked about it', () => {
  const flipBit = (file: string, share: number): void => {
    const position = Math.floor(statSync(file).size * share);
    overwrite(file, position, Buffer.from([(readFileSync(file)[position] ?? 0) ^ 1]));
  };
  const replace = (file: string, make: (aside: string) => void): void => {
    renameSync(file, `${file}.aside`);
    make(`${file}.aside`);
  };
  it.each([
    ['a bit of its first page flipped', 'sha256', (file: string) => flipBit(file, 0)],
    ['a bit in its middle flipped', 'sha256', (file: string) => flipBit(file, 0.5)],
    ['its last byte cut off', 'size', (file: string) => truncateSync(file, statSync(file).size - 1)],
    ['a page cut off', 'size', (file: string) => truncateSync(file, statSync(file).size - 4096)],
    ['nothing left in it', 'size', (file: string) => truncateSync(file, 0)],
    ['a byte behind it', 'size', (file: string) => appendFileSync(file, 'x')],
    ['a log beside it', 'sidecars', (file: string) => writeFileSync(`${file}-wal`, '')],
    ['a journal beside it', 'sidecars', (file: string) => writeFileSync(`${file}-journal`, '')],
    ['a dangling link as its shared memory', 'sidecars', (file: string) => symlinkSync('nowhere', `${file}-shm`)],
    ['been removed', 'file', (file: string) => rmSync(file)],
    ['become a link to itself elsewhere', 'file', (file: string) => replace(file, (aside) => symlinkSync(aside, file))],
    ['become a directory', 'file', (file: string) => replace(file, () => mkdirSync(file))],
    ['become a pipe', 'file', (file: string) => replace(file, () => execFileSync('mkfifo', [file]))],
  ])('one that has %s', async (_what, check, change) => {
    const backup = await storedBackup();
    change(backup.file);
    const { ok, checks, problems } = await verify(backup);
    expect([ok, checks[check], problems.length]).toEqual([false, 'failed', 1]);
    expect(checks).toMatchObject({ pages: 'skipped', integrity_check: 'skipped', rows: 'skipped' });
  });
});

describe('a file whose digest is right is not ok either', () => {
  const changed = async (change: (file: string) => void): Promise<StoredBackup> => {
    const backup = await storedBackup();
    change(backup.file);
    return trusting(backup, statSync(backup.file).size);
  };

  it('when it expects a log beside it', async () => {
    const backup = await changed((file) => overwrite(file, 18, Buffer.from([2, 2])));
    expect((await verify(backup, 'quick')).checks.header).toBe('failed');
  });

  it('when it is no database', async () => {
    const backup = await changed((file) => writeFileSync(file, 'x'.repeat(8192)));
    expect((await verify(backup, 'quick')).problems).toEqual(['The file is not a SQLite database.']);
  });

  it('when its pages are damaged', async () => {
    const backup = await changed((file) => damagePages(file, 10, 3));
    expect((await verify(backup, 'quick')).ok).toBe(true);
    expect(await verify(backup)).toMatchObject({ ok: false, checks: { integrity_check: 'failed' } });
  });

  it('when SQLite cannot read its schema', async () => {
    const backup = await changed((file) => overwrite(file, 100, Buffer.alloc(3996, 0xa5)));
    const { ok, checks } = await verify(backup);
    expect([ok, checks.integrity_check]).toEqual([false, 'failed']);
  });

  it('when it has another schema or other rows than its manifest', async () => {
    const { file, expected } = await storedBackup();
    const claimed = { ...expected, schemaSha256: '0'.repeat(64), tables: { ...expected.tables, items: 501 } };
    const { problems } = await verify({ file, expected: claimed });
    expect(problems).toEqual([
      'The schema is not the one that was backed up.',
      'Table items has 500 rows where 501 were backed up.',
    ]);
  });
});
