import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acceptedSchema, bodyOf, createdSchema, operationSchema, problemOf } from '../helpers/contract.js';
import { call, createOne, expressVersions, type HttpApp, startApp, upload } from '../helpers/http-app.js';
import { createDatabase, generations, inspect, integrity } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

/** A database from elsewhere, as the bytes of its file. */
function databaseBytes({ wal = false, sql = '' } = {}): Buffer {
  const file = join(temporaryFolder(), 'elsewhere.db');
  const database = createDatabase(file, { generation: 'uploaded', wal });
  database.exec(sql);
  database.close();
  return readFileSync(file);
}

function expectNothingStored({ directory }: HttpApp): void {
  expect(storedBackups(directory)).toEqual([]);
  expect(stagedFiles(directory)).toEqual([]);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.each(expressVersions)('%s: POST /upload', (_version, express) => {
  it('makes a verified backup of kind uploaded of a sound database', async () => {
    const app = await startApp({ express });
    const bytes = databaseBytes();
    const answer = await upload(app, bytes, { fields: { notes: 'from afar', sha256: sha256(bytes).toUpperCase() } });
    const { backup } = bodyOf(answer, 201, createdSchema);
    expect(answer.headers.location).toBe(`download/${backup.filename}`);
    expect(backup).toMatchObject({ kind: 'uploaded', notes: 'from afar', createdBy: 'developer@example.com' });
    expect(backup).toMatchObject({ warnings: [], verification: { level: 'full', ok: true } });
    expect(backup.filename).toMatch(/^app_uploaded_[\d_-]+\.db$/);
    expect(inspect(join(app.directory, backup.filename), generations)).toBe('uploaded:500');
    expect(stagedFiles(app.directory)).toEqual([]);
    expect(await app.service.verify(backup.filename)).toMatchObject({ ok: true });
  });
});

describe('POST /upload', () => {
  const notDatabases: [string, () => Buffer][] = [
    ['0 bytes', () => Buffer.alloc(0)],
    ['a text', () => Buffer.from('no database at all')],
    ['the first 16 bytes of a database', () => Buffer.from('SQLite format 3\0')],
    ['the header of a database and nothing else', () => databaseBytes().subarray(0, 100)],
    ['a database without its last page', () => databaseBytes().subarray(0, -4096)],
    ['a database with something appended', () => Buffer.concat([databaseBytes(), Buffer.alloc(4096)])],
    ['a database with a page overwritten', () => Buffer.from(databaseBytes().fill(0xff, 3 * 4096, 4 * 4096))],
    ['an image', () => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(5_000, 7)])],
  ];
  it.each(notDatabases)('refuses %s with 422 and keeps nothing', async (_what, bytes) => {
    const app = await startApp();
    const { problems } = problemOf(await upload(app, bytes()), 422, 'backup_damaged');
    expect(problems?.length).toBeGreaterThan(0);
    expectNothingStored(app);
  });

  it('refuses a file that is not the announced one, although it is sound', async () => {
    const app = await startApp();
    problemOf(await upload(app, databaseBytes(), { fields: { sha256: '0'.repeat(64) } }), 422, 'backup_damaged');
    expectNothingStored(app);
  });

  it.each([
    ['a sha256 that is none', { sha256: 'abc' }, 'sha256'],
    ['notes of 1,001 characters', { notes: 'x'.repeat(1_001) }, 'notes'],
    ['an unknown field', { pinned: 'true' }, 'pinned'],
    ['a field twice', { notes: ['one', 'two'] }, 'notes'],
    ['a field with members', { 'notes[a]': 'x' }, 'notes'],
    ['a field named __proto__', { '__proto__[polluted]': 'x' }, '__proto__'],
    ['a field larger than every field', { notes: 'x'.repeat(9_000) }, 'notes'],
    ['more fields than there are', { a: '1', b: '2', c: '3', d: '4', e: '5' }, 'file'],
  ])('refuses %s and keeps nothing', async (_what, fields, field) => {
    const app = await startApp();
    const { errors } = problemOf(await upload(app, databaseBytes(), { fields }), 400, 'invalid_request');
    expect(errors?.map((error) => error.field)).toContain(field);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expectNothingStored(app);
  });

  it.each([
    '../../../../app.db',
    '..\\..\\app.db',
    '/etc/cron.d/evil.db',
    'app.db',
    '.htaccess',
    `${'x'.repeat(300)}.db`,
  ])("never uses the client's name for its file: %j", async (name) => {
    const app = await startApp();
    const existing = await createOne(app);
    const { backup } = bodyOf(await upload(app, databaseBytes(), { name }), 201, createdSchema);
    expect(backup.filename).toMatch(/^app_uploaded_[\d_-]+\.db$/);
    expect(storedBackups(app.directory)).toEqual([existing.filename, backup.filename].sort());
    expect(existsSync(join(app.folder, 'evil.db'))).toBe(false);
    expect(inspect(app.databaseFile, generations)).toBe('first:500');
  });

  it('never replaces a backup: two of the same second have two names', async () => {
    const app = await startApp();
    const answers = await Promise.all([1, 2, 3].map(() => upload(app, databaseBytes())));
    const names = answers.map((answer) => bodyOf(answer, 201, createdSchema).backup.filename);
    expect(new Set(names).size).toBe(3);
    expect(storedBackups(app.directory)).toEqual([...names].sort());
  });

  it('turns a database that expects a write-ahead log into one that stands alone', async () => {
    const app = await startApp();
    const bytes = databaseBytes({ wal: true });
    expect(bytes.readUInt8(18)).toBe(2);
    const { backup } = bodyOf(await upload(app, bytes, { fields: { sha256: sha256(bytes) } }), 201, createdSchema);
    const stored = readFileSync(join(app.directory, backup.filename));
    expect(stored.readUInt8(18)).toBe(1);
    expect(backup).toMatchObject({ sha256: sha256(stored), size: stored.length });
    expect(inspect(join(app.directory, backup.filename), integrity)).toBe('ok');
  });

  it('warns of triggers and views that the live database does not have', async () => {
    const app = await startApp();
    const sql = 'CREATE TRIGGER evil AFTER INSERT ON items BEGIN DELETE FROM commits; END; CREATE VIEW v AS SELECT 1';
    const { backup } = bodyOf(await upload(app, databaseBytes({ sql })), 201, createdSchema);
    expect(backup.warnings).toEqual([expect.stringMatching(/trigger evil.*view v|view v.*trigger evil/)]);
  });

  it('answers 202 with the operation to a client that does not want to wait', async () => {
    const app = await startApp();
    const answer = await upload(app, databaseBytes()).set('Prefer', 'respond-async');
    const { operation } = bodyOf(answer, 202, acceptedSchema);
    expect(answer.headers.location).toBe(`operations/${operation.id}`);
    await expect.poll(async () => (await app.service.operation(operation.id)).state).toBe('succeeded');
    const ended = bodyOf(await call(app, 'get', `/operations/${operation.id}`), 200, acceptedSchema);
    expect(operationSchema.parse(ended.operation).result).toMatchObject({ filename: storedBackups(app.directory)[0] });
    expect(stagedFiles(app.directory)).toEqual([]);
  });

  it('is switched off by giving nobody the permission', async () => {
    const app = await startApp({ router: { permissions: { upload: [] } } });
    problemOf(await upload(app, databaseBytes()), 403, 'forbidden');
    expectNothingStored(app);
  });
});
