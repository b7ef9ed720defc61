import { chmodSync, copyFileSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hashFile } from '../../../../../dist/engines/hash-file.js';
import type { CopyRequest } from '../../../../../dist/engines/sqlite/child/copier/copy-request.js';
import { describeError } from '../../../../../dist/engines/sqlite/child/database/describe-error.js';
import { takeSnapshot } from '../../../../../dist/engines/sqlite/child/snapshot/take-snapshot.js';
import type { SnapshotMethod } from '../../../../../dist/options/snapshot-method.js';
import { damagePages, databaseOf, overwrite } from '../../../../helpers/database-files.js';
import {
  createDatabase,
  generations,
  inspect,
  openDatabase,
  setGeneration,
} from '../../../../helpers/live-database.js';
import { type RecordedContext, taskContext } from '../../../../helpers/task-context.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

type Level = 'none' | 'quick' | 'full';

async function snapshot(
  live: string,
  options: { level?: Level; requiredTables?: string[]; context?: RecordedContext; method?: SnapshotMethod } = {},
) {
  const { level = 'quick', requiredTables = [], context = taskContext(), method = 'auto' } = options;
  const destination = join(temporaryFolder(), 'snapshot.db');
  return { destination, taken: await takeSnapshot({ live, destination, level, requiredTables, method }, context) };
}

const methods = ['auto', 'clone', 'copy', 'compact'] as const;

describe.each(methods)('by the method `%s` a snapshot', (method) => {
  it('has the rows that are only in the write-ahead log, which a plain copy loses', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    live.pragma('wal_checkpoint(TRUNCATE)');
    live.pragma('wal_autocheckpoint = 0');
    setGeneration(live, 'only in the log');
    const plain = join(temporaryFolder(), 'plain.db');
    copyFileSync(live.name, plain);
    const { destination } = await snapshot(live.name, { method });
    expect(inspect(destination, generations)).toBe('only in the log:500');
    expect(inspect(plain, generations)).toBe('first:500');
  });

  it('stands alone, is private, and is told as it lies on the disk', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    chmodSync(live.name, 0o644);
    const { destination, taken } = await snapshot(live.name, { method });
    expect(readFileSync(destination)[18]).toBe(1);
    expect(['-wal', '-shm', '-journal'].filter((suffix) => existsSync(destination + suffix))).toEqual([]);
    const { size } = statSync(destination);
    expect(taken).toMatchObject({ size, sha256: await hashFile(destination), tables: { items: 500, commits: 0 } });
    expect(taken.source).toMatchObject({ size, pageSize: 4096, pageCount: size / 4096 });
  });

  it('is of the file itself when it is reached by a link', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    setGeneration(live, 'linked');
    const link = join(temporaryFolder(), 'link.db');
    symlinkSync(live.name, link);
    const { destination } = await snapshot(link, { method });
    expect(inspect(destination, generations)).toBe('linked:500');
  });
});

it('a compact snapshot leaves out the unused pages, and the others have them', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'), { rows: 5_000 });
  live.exec('DELETE FROM items WHERE id > 100');
  const pages = new Map<string, number>();
  for (const method of methods) pages.set(method, (await snapshot(live.name, { method })).taken.source.pageCount);
  const { compact = 0, ...others } = Object.fromEntries(pages);
  const all = Number(live.pragma('page_count', { simple: true }));
  expect(others).toEqual({ auto: all, clone: all, copy: all });
  expect(compact).toBeLessThan(all / 10);
});

describe('without a write-ahead log', () => {
  const rollback = () => openDatabase(join(temporaryFolder(), 'app.db'), { wal: false });

  it.each(['auto', 'copy', 'compact'] as const)('`%s` copies as it does with one', async (method) => {
    const { destination } = await snapshot(rollback().name, { method });
    expect(inspect(destination, generations)).toBe('first:500');
  });

  it('`clone` is refused', async () => {
    await expect(snapshot(rollback().name, { method: 'clone' })).rejects.toMatchObject({ code: 'invalid_options' });
  });
});

describe('`auto` copies page by page', () => {
  const copiedByPages = ({ progress }: RecordedContext): boolean =>
    progress.some(({ phase, unit }) => phase === 'copying' && unit === 'pages');

  it.each([
    ['when the clone cannot be made', (): Promise<void> => Promise.reject(new Error('the copying process ended'))],
    ['when the clone does not pass', async ({ to, log }: CopyRequest) => (log ? undefined : damagePages(to, 10, 3))],
  ])('%s', async (_case, spoil) => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    live.pragma('wal_checkpoint(TRUNCATE)');
    const context = taskContext();
    const copy = async (request: CopyRequest): Promise<void> => {
      await context.copy(request);
      await spoil(request);
    };
    const { destination } = await snapshot(live.name, { context: { ...context, copy } });
    expect(inspect(destination, generations)).toBe('first:500');
    expect(copiedByPages(context)).toBe(true);
  });

  it('when the log is longer than what it would save, and not when it only was so once', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    live.pragma('wal_autocheckpoint = 0');
    live.exec(
      "INSERT INTO items (generation, filler) VALUES ('first', zeroblob(20000000)); DELETE FROM items WHERE id > 500",
    );
    const long = taskContext();
    await snapshot(live.name, { context: long });
    live.pragma('wal_checkpoint(RESTART)');
    setGeneration(live, 'second');
    const short = taskContext();
    const { destination } = await snapshot(live.name, { context: short });
    expect(statSync(`${live.name}-wal`).size).toBeGreaterThan(16 * 1024 * 1024);
    expect([copiedByPages(long), copiedByPages(short)]).toEqual([true, false]);
    expect(inspect(destination, generations)).toBe('second:500');
  });
});

it('want of room for the clone is told, and nothing larger is tried', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const context = { ...taskContext(), copy: () => Promise.reject(full) };
  await expect(snapshot(live.name, { context })).rejects.toBe(full);
});

it('what is committed while the pages are copied is not in the copy', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const context = taskContext();
  let commits = 0;
  const report: RecordedContext['report'] = (step) => {
    if (step.phase === 'copying') setGeneration(live, `during ${++commits}`);
  };
  const { destination } = await snapshot(live.name, { context: { ...context, report }, method: 'copy' });
  expect(commits).toBeGreaterThan(0);
  expect(inspect(destination, generations)).toBe('first:500');
});

it.each([
  ['clone', 'bytes'],
  ['copy', 'pages'],
] as const)(
  'progress of a %s is told in %s, goes from copying to verifying, and ends with all of them',
  async (method, unit) => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'), { rows: 20_000, pageSize: 512 });
    live.pragma('wal_checkpoint(TRUNCATE)');
    const context = taskContext();
    const { taken } = await snapshot(live.name, { context, method });
    const copying = context.progress.filter(({ phase }) => phase === 'copying');
    expect(copying.length).toBeGreaterThan(1);
    expect(copying.map(({ done }) => done)).toEqual(copying.map(({ done }) => done).sort((a, b) => a - b));
    const all = unit === 'pages' ? taken.source.pageCount : taken.source.size;
    expect(new Set(copying.map(({ total }) => total))).toEqual(new Set([all]));
    expect(context.progress.at(-1)).toMatchObject({ phase: 'verifying', total: taken.source.size });
  },
);

describe('the level says how much is checked', () => {
  const always = { header: 'passed', pages: 'passed', schema: 'passed', required_tables: 'passed' };
  it.each([
    ['none', always],
    ['quick', { ...always, quick_check: 'passed' }],
    ['full', { ...always, integrity_check: 'passed', foreign_keys: 'passed' }],
  ] as const)('%s', async (level, checks) => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    const { taken } = await snapshot(live.name, { level });
    expect(taken.verification.checks).toEqual(checks);
    expect(taken.verificationMs > 0).toBe(level !== 'none');
  });
});

it('a check that misses a function of the application is a warning, and the backup is made', async () => {
  const sql = 'CREATE TABLE plain (x); CREATE INDEX by_x ON plain (approved(x)); INSERT INTO plain VALUES (1);';
  const file = databaseOf(sql, (database) => database.function('approved', { deterministic: true }, (x: unknown) => x));
  const { taken } = await snapshot(file, { level: 'full' });
  expect(taken.verification).toMatchObject({ ok: true, checks: { integrity_check: 'warning' }, problems: [] });
  expect(taken.tables).toEqual({ plain: 1 });
});

it('a database without any table has a snapshot', async () => {
  const { taken } = await snapshot(databaseOf('PRAGMA user_version = 7'));
  expect(taken).toMatchObject({ tables: {}, source: { pageCount: 1, userVersion: 7 } });
});

describe('no snapshot is taken', () => {
  it.each(['quick', 'full'] as const)('of a database with damaged pages, at level %s', async (level) => {
    const file = join(temporaryFolder(), 'app.db');
    createDatabase(file, { wal: false }).close();
    damagePages(file, 10, 3);
    await expect(snapshot(file, { level })).rejects.toMatchObject({
      code: 'source_damaged',
      facts: { problems: [expect.stringContaining('malformed')] },
    });
  });

  it('of a database whose schema cannot be read', async () => {
    const file = join(temporaryFolder(), 'app.db');
    createDatabase(file, { wal: false }).close();
    overwrite(file, 100, Buffer.alloc(3996, 0xa5));
    await expect(snapshot(file).catch((error: unknown) => describeError(error).code)).resolves.toBe('source_damaged');
  });

  it('of a database that misses a required table', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    await expect(snapshot(live.name, { requiredTables: ['items', 'users'], level: 'none' })).rejects.toMatchObject({
      code: 'source_damaged',
      facts: { problems: ['Required tables are missing: users.'] },
    });
  });

  it('of a database that another connection keeps locked', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'), { wal: false });
    live.exec('BEGIN EXCLUSIVE');
    await expect(snapshot(live.name).catch((error: unknown) => describeError(error).code)).resolves.toBe(
      'database_busy',
    );
  });

  it('into a file that another connection keeps locked, which the copy itself would call a success', async () => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'));
    const destination = join(temporaryFolder(), 'snapshot.db');
    const blocker = new Database(destination);
    onTestFinished(() => void blocker.close());
    blocker.exec('CREATE TABLE other (x); BEGIN EXCLUSIVE');
    const input = { live: live.name, destination, level: 'quick', requiredTables: [], method: 'copy' } as const;
    await expect(takeSnapshot(input, taskContext())).rejects.toMatchObject({ code: 'database_busy' });
  });
});

it('a check that fails beside a digest that fails is the error that is told', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const context = taskContext();
  const hash = async (file: string): Promise<string> => {
    overwrite(file, 0, Buffer.alloc(100));
    throw new Error('the digest failed too');
  };
  await expect(snapshot(live.name, { context: { ...context, hash } })).rejects.toMatchObject({ code: 'SQLITE_NOTADB' });
});
