import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { damagePages, tamperSchema } from '../helpers/database-files.js';
import { createDatabase, generations, inspect } from '../helpers/live-database.js';
import { createWorkspace, openService, storedBackups } from '../helpers/workspace.js';

it('a backup that was just created stays, although the clock was set back', async () => {
  const { directory, service } = createWorkspace({ service: { retention: { keep: 2 } } });
  await service.create();
  await service.create();
  const metadata = join(directory, 'metadata');
  for (const name of readdirSync(metadata)) {
    const manifest = JSON.parse(readFileSync(join(metadata, name), 'utf8')) as object;
    writeFileSync(join(metadata, name), JSON.stringify({ ...manifest, createdAt: '2999-01-01T00:00:00.000Z' }));
  }
  const { filename } = await service.create();
  expect(storedBackups(directory)).toContain(filename);
  expect(await service.get(filename)).toMatchObject({ filename, manifest: true });
});

it('tables with the oddest names are backed up, verified and restored', async () => {
  const { database, service } = createWorkspace();
  database.exec(`CREATE TABLE "__proto__" (a); INSERT INTO "__proto__" VALUES (1); CREATE TABLE "constructor" (a);
    CREATE TABLE "a""b'c;--" (a); INSERT INTO "a""b'c;--" VALUES (1), (2)`);
  const { filename } = await service.create();
  expect(await service.verify(filename)).toMatchObject({ ok: true, problems: [] });
  database.exec('DELETE FROM "__proto__"');
  const { tables } = await service.restore(filename);
  expect(Object.getOwnPropertyDescriptor(tables, '__proto__')?.value).toEqual({ before: 0, after: 1 });
  expect(database.prepare('SELECT count(*) FROM "__proto__"').pluck().get()).toBe(1);
});

it('a damaged page is found although an index calls a function of the application', async () => {
  const { database, databaseFile, directory, service } = createWorkspace({
    live: { rows: 5_000 },
    service: { verifyOnCreate: 'full' },
  });
  database.function('own', { deterministic: true }, (value) => value);
  database.exec('CREATE INDEX items_by_own ON items (own(generation))');
  expect(await service.create()).toMatchObject({
    verification: { ok: true },
    warnings: [expect.stringContaining('own')],
  });
  database.pragma('wal_checkpoint(TRUNCATE)');
  damagePages(databaseFile, 20, 3);
  await expect(service.create()).rejects.toMatchObject({ code: 'source_damaged' });
  expect(storedBackups(directory)).toHaveLength(1);
});

it('a table is counted, backed up and restored although its index is in an order that only the application knows', async () => {
  const { database, databaseFile, service } = createWorkspace();
  database.exec(
    "CREATE TABLE words (word TEXT); CREATE INDEX by_word ON words (word); INSERT INTO words VALUES ('a'), ('b')",
  );
  const ordered =
    "UPDATE sqlite_schema SET sql = 'CREATE INDEX by_word ON words (word COLLATE german)' WHERE name = 'by_word'";
  tamperSchema(databaseFile, ordered);
  const { filename, warnings, tables } = await service.create();
  expect(tables?.words).toBe(2);
  expect(warnings).toEqual([expect.stringContaining('no such collation sequence: german')]);
  expect((await service.verify(filename)).ok).toBe(true);
  database.exec('DELETE FROM items');
  const receipt = await service.restore(filename);
  expect(receipt.tables).toMatchObject({ items: { before: 0, after: 500 }, words: { before: 2, after: 2 } });
  await expect(service.restore(filename, { tables: ['words'] })).rejects.toMatchObject({
    code: 'backup_incompatible',
    facts: { problems: [expect.stringContaining('no such collation sequence: german')] },
  });
  expect((await service.restore(filename, { tables: ['items'] })).tables).toMatchObject({ items: { after: 500 } });
});

it('a backup in another text encoding is refused, because open connections could not go on', async () => {
  const { database, folder, service } = createWorkspace();
  const elsewhere = new Database(join(folder, 'utf16.db'));
  elsewhere.pragma("encoding = 'UTF-16le'");
  elsewhere.exec("CREATE TABLE items (generation); INSERT INTO items VALUES ('other')");
  elsewhere.close();
  const { filename } = await service.importFile(join(folder, 'utf16.db'));
  await expect(service.restore(filename)).rejects.toMatchObject({ code: 'backup_incompatible' });
  expect(generations(database)).toBe('first:500');
});

/** As an application does whose file was lost. */
function beginAnew(file: string): Database.Database {
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
  const database = new Database(file);
  onTestFinished(() => void database.close());
  database.pragma('journal_mode = WAL');
  return database;
}

it.each([false, true])(
  'a backup in another text encoding takes the place of an empty database (with `connection`: %s)',
  async (offline) => {
    const { database, databaseFile, directory, service } = createWorkspace({ live: { encoding: 'UTF-16le' } });
    const { filename } = await service.create();
    database.close();
    const anew = beginAnew(databaseFile);
    const connection = { close: () => void anew.close(), reopen: () => undefined };
    const later = openService({ database: databaseFile, directory, ...(offline && { connection }) }).service;
    const restored = later.restore(filename);
    if (offline) await expect(restored).resolves.toMatchObject({ restored: filename });
    else await expect(restored).rejects.toMatchObject({ code: 'offline_restore_required' });
    expect(inspect(databaseFile, (found) => found.pragma('encoding', { simple: true }))).toBe(
      offline ? 'UTF-16le' : 'UTF-8',
    );
  },
);

describe('an application_id that was changed since', () => {
  it('does not keep a database from being undone', async () => {
    const { database, service } = createWorkspace();
    const migrate = (): void => {
      database.exec('PRAGMA application_id = 77; DELETE FROM items');
      throw new Error('The migration failed.');
    };
    await expect(service.guardMigration(migrate)).rejects.toMatchObject({
      code: 'migration_failed',
      facts: { restored: true },
    });
    expect([generations(database), database.pragma('application_id', { simple: true })]).toEqual(['first:500', 0]);
    const { filename } = await service.lastReplaced();
    const { warnings } = await service.restore(filename);
    expect(warnings).toEqual([expect.stringContaining('application_id 77')]);
    expect([generations(database), database.pragma('application_id', { simple: true })]).toEqual(['', 77]);
  });

  it('does not keep a lost one from being brought back', async () => {
    const { database, databaseFile, directory } = createWorkspace();
    database.pragma('application_id = 42');
    const { service } = openService({ database: databaseFile, directory, requiredTables: ['items'] });
    const { filename } = await service.create();
    database.close();
    const anew = beginAnew(databaseFile);
    expect((await service.validate()).findings[0]?.command).toContain('restore latest');
    await expect(service.restore('latest')).resolves.toMatchObject({ restored: filename });
    expect(generations(anew)).toBe('first:500');
  });
});

it('a trigger that hides behind another type is still one', async () => {
  const { folder, service } = createWorkspace();
  const elsewhere = createDatabase(join(folder, 'evil.db'), { wal: false, rows: 1 });
  elsewhere.exec('CREATE TRIGGER evil AFTER INSERT ON commits BEGIN DELETE FROM items; END');
  elsewhere.unsafeMode();
  elsewhere.pragma('writable_schema = ON');
  elsewhere.exec("UPDATE sqlite_schema SET type = 'TRIGGER' WHERE type = 'trigger'");
  elsewhere.close();
  const { filename, warnings } = await service.importFile(join(folder, 'evil.db'));
  expect(warnings).toEqual([expect.stringContaining('evil')]);
  await expect(service.restore(filename)).rejects.toMatchObject({ code: 'untrusted_objects' });
});

it.each([
  ['a kind that there is not', (service: never) => create(service, { kind: 'daily' })],
  ['a safety backup', (service: never) => create(service, { kind: 'safety' })],
  ['a caller that is no text', (service: never) => create(service, { by: 42 })],
  ['notes that are no text', (service: never) => create(service, { notes: 42 })],
])('%s is refused before anything is done', async (_what, call) => {
  const { directory, service } = createWorkspace();
  await expect(Promise.resolve().then(() => call(service as never))).rejects.toMatchObject({ code: 'invalid_request' });
  expect(storedBackups(directory)).toEqual([]);
});

function create(service: { create(input: object): Promise<unknown> }, input: object): Promise<unknown> {
  return service.create(input);
}

it('a level or a pin that is none leaves the manifest as it was', async () => {
  const { service } = createWorkspace();
  const { filename } = await service.create();
  const odd = service as unknown as Record<'verify' | 'update', (name: string, input: object) => Promise<unknown>>;
  for (const call of [
    () => odd.verify(filename, { level: 'deepest' }),
    () => odd.update(filename, { pinned: 'yes' }),
  ]) {
    await expect(Promise.resolve().then(call)).rejects.toMatchObject({ code: 'invalid_request' });
  }
  expect(await service.get(filename)).toMatchObject({ manifest: true, pinned: false });
});

it('a signal that is used again and again collects no listeners', async () => {
  const { service } = createWorkspace();
  const { signal } = new AbortController();
  await Promise.allSettled(Array.from({ length: 5 }, () => service.create({ signal })));
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
