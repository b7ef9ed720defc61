import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openLive, openPrivate, pinLive } from '../../../../../dist/engines/sqlite/child/database/open-database.js';
import { destroyHeader } from '../../../../helpers/damage.js';
import { crashedCopy, databaseOf } from '../../../../helpers/database-files.js';
import { generations, openDatabase, setGeneration } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

function pinned(file: string): ReturnType<typeof pinLive> {
  const database = pinLive(file);
  onTestFinished(() => void database.close());
  return database;
}

it.each([
  ['pinned', (file: string) => pinLive(file)],
  ['opened for writing', (file: string) => openLive(file, 0)],
])('a live database that is not there is not made by being %s', (_how, open) => {
  const folder = temporaryFolder();
  expect(() => open(join(folder, 'app.db'))).toThrow(expect.objectContaining({ code: 'database_missing' }));
  expect(readdirSync(folder)).toEqual([]);
});

it.each([
  ['an empty file', '', 'source_damaged'],
  ['a file of something else', 'not a database '.repeat(500), 'SQLITE_NOTADB'],
])('%s is not pinned', (_what, content, code) => {
  const file = join(temporaryFolder(), 'app.db');
  writeFileSync(file, content);
  expect(() => pinLive(file)).toThrow(expect.objectContaining({ code }));
});

it('what is committed after the pin is not seen by it', () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const view = pinned(live.name);
  setGeneration(live, 'second');
  expect(generations(view)).toBe('first:500');
  expect(generations(live)).toBe('second:500');
});

it('a hot rollback journal is rolled back before the content is read', () => {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'), { wal: false });
  live.pragma('cache_size = 5');
  live.exec("BEGIN; UPDATE items SET generation = 'unfinished'");
  const crashed = join(folder, 'crashed.db');
  crashedCopy(live.name, crashed);
  live.exec('ROLLBACK');
  expect(existsSync(`${crashed}-journal`)).toBe(true);
  expect(generations(pinned(crashed))).toBe('first:500');
  expect(existsSync(`${crashed}-journal`)).toBe(false);
});

/** A database as a crash leaves it, without the index of its log, and with damage. */
function damagedCopy(damage: (file: string) => void): string {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'));
  setGeneration(live, 'only in the log');
  const file = join(folder, 'damaged.db');
  crashedCopy(live.name, file);
  damage(file);
  return file;
}

it('a log is still there after a look at a database when the headers of both are destroyed', () => {
  const file = damagedCopy((file) => {
    destroyHeader(file);
    destroyHeader(`${file}-wal`);
  });
  const { size } = statSync(`${file}-wal`);
  expect(() => pinLive(file)).toThrow(expect.objectContaining({ code: 'SQLITE_NOTADB' }));
  expect(statSync(`${file}-wal`).size).toBe(size);
});

it('a destroyed header that is whole in the log is no damage', () => {
  expect(generations(pinned(damagedCopy(destroyHeader)))).toBe('only in the log:500');
});

it('a write-ahead log that lost its index in a crash is read', () => {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'));
  setGeneration(live, 'only in the log');
  const crashed = join(folder, 'crashed.db');
  crashedCopy(live.name, crashed);
  expect(generations(pinned(crashed))).toBe('only in the log:500');
});

it('a pinned view cannot write, even where it had to be opened for writing', () => {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'), { wal: false });
  live.pragma('cache_size = 5');
  live.exec("BEGIN; UPDATE items SET generation = 'unfinished'");
  crashedCopy(live.name, join(folder, 'crashed.db'));
  live.exec('ROLLBACK');
  const view = pinned(join(folder, 'crashed.db'));
  expect(view.readonly).toBe(false);
  expect(() => view.exec('DELETE FROM items')).toThrow('readonly');
});

it('a schema from outside cannot call a function that has side effects', () => {
  const file = databaseOf('CREATE TABLE plain (x); CREATE VIEW rogue AS SELECT unsafe(x) FROM plain', (database) =>
    database.function('unsafe', (x: unknown) => x),
  );
  const database = openPrivate(file, { readonly: true });
  onTestFinished(() => void database.close());
  database.function('unsafe', (x: unknown) => x);
  expect(() => database.prepare('SELECT * FROM rogue').all()).toThrow('unsafe use of unsafe()');
});

it('a private file that is not there is not made', () => {
  const folder = temporaryFolder();
  expect(() => openPrivate(join(folder, 'staged.db'), { readonly: false })).toThrow();
  expect(readdirSync(folder)).toEqual([]);
});
