import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashFile } from '../../../../../dist/engines/hash-file.js';
import { normaliseUpload } from '../../../../../dist/engines/sqlite/child/verify/normalise-upload.js';
import { crashedCopy, damagePages, databaseOf, overwrite } from '../../../../helpers/database-files.js';
import { createDatabase, generations, inspect, openDatabase } from '../../../../helpers/live-database.js';
import { taskContext } from '../../../../helpers/task-context.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

const normalise = (file: string) => normaliseUpload({ file }, taskContext());

function received(options: Parameters<typeof createDatabase>[1] = {}): string {
  const file = join(temporaryFolder(), 'received');
  createDatabase(file, options).close();
  return file;
}

it('a sound file is told with the digest it came with and the one it has now', async () => {
  const file = received({ wal: false });
  const came = await hashFile(file);
  const imported = await normalise(file);
  expect(imported).toMatchObject({
    receivedSha256: came,
    sha256: await hashFile(file),
    size: statSync(file).size,
    tables: { items: 500, commits: 0 },
    objects: {},
    verification: {
      ok: true,
      checks: { header: 'passed', pages: 'passed', integrity_check: 'passed', foreign_keys: 'passed' },
    },
  });
});

it('a file that expects a write-ahead log becomes one that stands alone', async () => {
  const file = received({ wal: true });
  expect(readFileSync(file)[18]).toBe(2);
  const imported = await normalise(file);
  expect(readFileSync(file)[18]).toBe(1);
  expect(imported.receivedSha256).not.toBe(imported.sha256);
  expect(imported.sha256).toBe(await hashFile(file));
  expect(['-wal', '-shm', '-journal'].filter((suffix) => existsSync(file + suffix))).toEqual([]);
  expect(inspect(file, generations)).toBe('first:500');
});

it('triggers and views that it brings are named', async () => {
  const file = databaseOf(`CREATE TABLE plain (x); CREATE VIEW seen AS SELECT x FROM plain;
    CREATE TRIGGER logged AFTER INSERT ON plain BEGIN DELETE FROM plain; END;`);
  expect(Object.keys((await normalise(file)).objects).sort()).toEqual(['trigger logged', 'view seen']);
});

it('rows that refer to missing rows are a warning', async () => {
  const file = databaseOf(`PRAGMA foreign_keys = OFF; CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (parent REFERENCES parents); INSERT INTO children VALUES (1);`);
  expect((await normalise(file)).verification).toMatchObject({ ok: true, checks: { foreign_keys: 'warning' } });
});

it('a full disk is not blamed on the file', async () => {
  const context = taskContext();
  const diskFull = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const hash = async (file: string): Promise<string> => {
    if (readFileSync(file)[18] === 1) throw diskFull;
    return context.hash(file);
  };
  await expect(normaliseUpload({ file: received({ wal: true }) }, { ...context, hash })).rejects.toBe(diskFull);
});

describe('what is not a sound database is refused', () => {
  const content = (bytes: string) => (): string => {
    const file = join(temporaryFolder(), 'received');
    writeFileSync(file, bytes);
    return file;
  };
  const changed = (change: (file: string) => void) => (): string => {
    const file = received({ wal: false });
    change(file);
    return file;
  };
  it.each([
    ['nothing', content('')],
    ['text', content('hello '.repeat(100))],
    ['the magic alone', content('SQLite format 3\0')],
    ['the magic and rubbish', content(`SQLite format 3\0${'x'.repeat(8000)}`)],
    ['a file without its end', changed((file) => truncateSync(file, statSync(file).size - 8192))],
    ['a file with something behind its pages', changed((file) => appendFileSync(file, Buffer.alloc(4096)))],
    ['a file with damaged pages', changed((file) => damagePages(file, 10, 3))],
    ['a file with a damaged schema', changed((file) => overwrite(file, 100, Buffer.alloc(3996, 0xa5)))],
    ['a file of a version that nobody knows', changed((file) => overwrite(file, 18, Buffer.from([9, 9])))],
  ])('%s', async (_what, make) => {
    await expect(normalise(make())).rejects.toMatchObject({
      code: 'backup_damaged',
      message: expect.stringMatching(/^The file is not a sound database: /),
    });
  });

  it.each([
    [
      'breaks its own constraints',
      'CREATE TABLE plain (x CHECK (x > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO plain VALUES (-1);',
      'CHECK constraint failed in plain',
    ],
    [
      'has a constraint that only its application can check',
      'CREATE TABLE plain (x CHECK (approved(x))); INSERT INTO plain VALUES (1);',
      'unknown function: approved()',
    ],
    [
      'has an index that only its application can check',
      'CREATE TABLE plain (x); CREATE INDEX by_x ON plain (approved(x)); INSERT INTO plain VALUES (1);',
      'unknown function: approved()',
    ],
  ])('a file that %s', async (_what, sql, problem) => {
    const file = databaseOf(sql, (database) =>
      database.function('approved', { deterministic: true }, (x: unknown) => x),
    );
    await expect(normalise(file)).rejects.toMatchObject({
      code: 'backup_damaged',
      facts: { problems: [expect.stringContaining(problem)] },
    });
  });
});

it('a log beside a received file belongs to someone else and is not there', async () => {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'));
  const file = join(folder, 'received');
  crashedCopy(live.name, file);
  // Without its log the copy is what it was at the last checkpoint: no table at all.
  truncateSync(`${file}-wal`, 0);
  await expect(normalise(file)).resolves.toMatchObject({ tables: {} });
});

it('a fault of the disk is told as what it is, and not as damage of the file', async () => {
  const context = taskContext();
  const diskFault = Object.assign(new Error('EIO: i/o error, read /srv/backups/.state/staging'), { code: 'EIO' });
  let digests = 0;
  const hash = (file: string): Promise<string> => (++digests === 2 ? Promise.reject(diskFault) : context.hash(file));
  await expect(normaliseUpload({ file: received() }, { ...context, hash })).rejects.toBe(diskFault);
});
