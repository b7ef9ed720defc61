import { statSync, symlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { sqlite } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { openDatabase, setGeneration } from '../../helpers/live-database.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';

describe('the prefix of its backups is the name of the database, made fit for a filename', () => {
  it.each([
    ['data/app.db', 'app'],
    ['my app.sqlite3', 'my-app'],
    ['shop.2026.db', 'shop-2026'],
    ['--flags--.db', 'flags'],
    ['データ.db', 'database'],
    ['.hidden', 'hidden'],
    ['plain', 'plain'],
    [`${'x'.repeat(150)}.db`, 'x'.repeat(100)],
  ])('%s', (path, prefix) => {
    expect(sqlite({ path })).toMatchObject({ defaultPrefix: prefix, name: 'sqlite', extension: 'db' });
  });
});

describe('what is no path of a file is refused when the engine is made', () => {
  it.each([
    ['nothing', {}],
    ['an empty path', { path: '' }],
    ['a database in memory', { path: ':memory:' }],
    ['a URI', { path: 'file:app.db?mode=memory' }],
    ['a NUL', { path: 'app.db\0' }],
    ['a number', { path: 7 }],
    ['a misspelt option', { path: 'app.db', readOnly: true }],
  ])('%s', (_what, options) => {
    expect(() => sqlite(options as { path: string })).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  });
});

it('a relative path is that of the working directory at creation', () => {
  expect(sqlite({ path: 'data/app.db' })).toMatchObject({
    liveFile: resolve('data/app.db'),
    identity: resolve('data/app.db'),
    sourceName: 'app.db',
  });
});

it('the same file is the same database, by whatever link it is reached', () => {
  const { name } = openDatabase(join(temporaryFolder(), 'app.db'));
  const link = join(temporaryFolder(), 'link.db');
  symlinkSync(name, link);
  expect(sqlite({ path: link }).identity).toBe(sqlite({ path: relative(process.cwd(), name) }).identity);
});

it('the bytes of the live database are those of its file and its log', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  setGeneration(live, 'second');
  const log = statSync(`${live.name}-wal`).size;
  expect(log).toBeGreaterThan(0);
  await expect(sqlite({ path: live.name }).liveBytes()).resolves.toBe(statSync(live.name).size + log);
});

it('a database without a log has the bytes of its file', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'), { wal: false });
  await expect(sqlite({ path: live.name }).liveBytes()).resolves.toBe(statSync(live.name).size);
});

it('a missing database has no bytes', async () => {
  const engine = sqlite({ path: join(temporaryFolder(), 'app.db') });
  await expect(engine.liveBytes()).rejects.toMatchObject({ code: 'database_missing' });
});

it('a path that leads through a file is told as the file system tells it', async () => {
  const { name } = openDatabase(join(temporaryFolder(), 'app.db'));
  await expect(sqlite({ path: join(name, 'app.db') }).liveBytes()).rejects.toMatchObject({ code: 'ENOTDIR' });
});
