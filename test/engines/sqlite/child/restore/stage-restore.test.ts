import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stageRestore } from '../../../../../dist/engines/sqlite/child/restore/stage-restore.js';
import {
  damagePages,
  overwrite,
  type StoredBackup,
  storedBackup,
  trusting,
} from '../../../../helpers/database-files.js';
import { taskContext } from '../../../../helpers/task-context.js';

const destinationOf = ({ file }: StoredBackup): string => join(dirname(file), 'staged.db');
const stage = (backup: StoredBackup, context = taskContext()) =>
  stageRestore({ ...backup, destination: destinationOf(backup) }, context);

it('what is staged is a private copy, byte for byte, that passed every check', async () => {
  const backup = await storedBackup({ rows: 40_000 });
  const context = taskContext();
  const staged = await stage(backup, context);
  expect(readFileSync(destinationOf(backup)).equals(readFileSync(backup.file))).toBe(true);
  expect(statSync(destinationOf(backup)).mode & 0o777).toBe(0o600);
  expect(staged.verification).toMatchObject({ ok: true, problems: [] });
  expect(staged.tables).toEqual(['commits', 'items']);
  expect(staged.facts).toMatchObject({ size: backup.expected.size, schemaSha256: backup.expected.schemaSha256 });
  expect(context.progress.length).toBeGreaterThan(1);
  expect(context.progress.at(-1)).toEqual({
    phase: 'staging',
    done: backup.expected.size,
    total: backup.expected.size,
    unit: 'bytes',
  });
});

describe('a file that is not the one that was published is not staged as sound', () => {
  it.each([
    [
      'one bit is another',
      (file: string) => overwrite(file, 5000, Buffer.from([(readFileSync(file)[5000] ?? 0) ^ 1])),
      ['sha256'],
    ],
    ['its end is cut off', (file: string) => truncateSync(file, 4096), ['size', 'sha256']],
    ['something lies behind it', (file: string) => appendFileSync(file, 'x'), ['size', 'sha256']],
    ['it is empty', (file: string) => truncateSync(file, 0), ['size', 'sha256']],
  ])('when %s', async (_what, change, failed) => {
    const backup = await storedBackup();
    change(backup.file);
    const { verification, ...rest } = await stage(backup);
    expect(rest).toEqual({ facts: null, tables: [], objects: {} });
    expect(verification.ok).toBe(false);
    expect(Object.keys(verification.checks).filter((name) => verification.checks[name] === 'failed')).toEqual(failed);
    expect(verification.checks).not.toHaveProperty('integrity_check');
  });

  it.each([
    [
      'its pages are damaged, although its digest is right',
      (file: string) => damagePages(file, 10, 3),
      'integrity_check',
    ],
    [
      'it expects a log, although its digest is right',
      (file: string) => overwrite(file, 18, Buffer.from([2, 2])),
      'header',
    ],
  ])('when %s', async (_what, change, check) => {
    const backup = await storedBackup();
    change(backup.file);
    const { verification, facts } = await stage(await trusting(backup, backup.expected.size));
    expect([verification.ok, verification.checks[check], facts]).toEqual([false, 'failed', null]);
  });
});

describe('what is no regular file is not even opened as one', () => {
  it.each([
    ['a link', (file: string) => symlinkSync(`${file}.aside`, file), 'ELOOP'],
    ['nothing', () => undefined, 'ENOENT'],
  ])('%s', async (_what, put, code) => {
    const backup = await storedBackup();
    renameSync(backup.file, `${backup.file}.aside`);
    put(backup.file);
    await expect(stage(backup)).rejects.toMatchObject({ code });
  });

  it('a pipe, which would hang the open', async () => {
    const backup = await storedBackup();
    rmSync(backup.file);
    execFileSync('mkfifo', [backup.file]);
    await expect(stage(backup)).rejects.toThrow('not a regular file');
  });
});

it('a file that is already there is never overwritten', async () => {
  const backup = await storedBackup();
  writeFileSync(destinationOf(backup), 'of someone else');
  await expect(stage(backup)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(destinationOf(backup), 'utf8')).toBe('of someone else');
});
