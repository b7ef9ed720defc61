import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bodyOf, createdSchema, listSchema, problemOf } from '../helpers/contract.js';
import { contentBelow } from '../helpers/file-tree.js';
import { holdEngine } from '../helpers/held-engine.js';
import { as, call, createOne, expressVersions, startApp } from '../helpers/http-app.js';
import { generations, inspect, integrity, openDatabase } from '../helpers/live-database.js';
import { openSocket, rawRequest } from '../helpers/raw-request.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

const attack = 'it\'s "quoted"; DROP TABLE items; --\r\nX-Injected: 1\n\u0000 <script>alert(1)</script> 😀 \u202e';

describe.each(expressVersions)('%s: POST /create', (_version, express) => {
  it('answers 201 with the backup, which is on the disk, stands alone and holds what was committed', async () => {
    const app = await startApp({ express });
    const answer = await call(app, 'post', '/create', { role: 'ADMIN', body: { notes: 'first' } });
    const { backup } = bodyOf(answer, 201, createdSchema);
    expect(answer.headers.location).toBe(`download/${backup.filename}`);
    expect(backup.filename).toMatch(/^app_backup_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.db$/);
    expect(backup).toMatchObject({ kind: 'manual', notes: 'first', createdBy: 'admin@example.com', pinned: false });
    expect(backup.tables).toEqual({ items: 500, commits: 0 });
    expect(backup.verification).toMatchObject({ level: 'quick', ok: true, problems: [] });
    expect(inspect(join(app.directory, backup.filename), generations)).toBe('first:500');
    expect(storedBackups(app.directory)).toEqual([backup.filename]);
    expect(stagedFiles(app.directory)).toEqual([]);
  });

  it('needs no body', async () => {
    const app = await startApp({ express });
    const answer = await rawRequest(app.origin, 'POST', '/api/backup/create', as('ADMIN'));
    expect(bodyOf(answer, 201, createdSchema).backup.notes).toBeNull();
  });

  it.each([
    ['an unknown field', { note: 'x' }, 'note'],
    ['a number as notes', { notes: 1 }, 'notes'],
    ['notes of 1,001 characters', { notes: 'x'.repeat(1_001) }, 'notes'],
    ['a kind, which only the host chooses', { kind: 'scheduled' }, 'kind'],
    ['a list', [], ''],
  ])('refuses %s, names the field and does nothing', async (_what, body, field) => {
    const app = await startApp({ express });
    const { errors } = problemOf(await call(app, 'post', '/create', { body }), 400, 'invalid_request');
    expect(errors?.map((error) => error.field)).toEqual([field]);
    expect(existsSync(app.directory) ? storedBackups(app.directory) : []).toEqual([]);
  });

  it.each([
    ['broken JSON', 'application/json', '{"notes":'],
    ['a bare text', 'application/json', '"notes"'],
    ['a body beyond every note', 'application/json', JSON.stringify({ notes: 'x'.repeat(20_000) })],
    ['an unknown charset', 'application/json; charset=koi8', '{}'],
    ['a form', 'application/x-www-form-urlencoded', '{"notes":"x"}'],
    ['a text that is not called JSON', 'text/plain', '{"notes":"x"}'],
  ])('refuses %s instead of making a backup without what was said', async (_what, type, body) => {
    const app = await startApp({ express });
    const headers = { ...as('ADMIN'), 'Content-Type': type };
    problemOf(await rawRequest(app.origin, 'POST', '/api/backup/create', headers, body), 400, 'invalid_request');
    expect(existsSync(app.directory) ? storedBackups(app.directory) : []).toEqual([]);
  });

  it('keeps notes as data, whatever they hold', async () => {
    const app = await startApp({ express });
    const { filename, notes } = await createOne(app, attack);
    expect(notes).toBe(attack);
    const manifest = join(app.directory, 'metadata', filename.replace('.db', '.json'));
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ notes: attack });
    expect(filename).toMatch(/^app_backup_[\d_-]+\.db$/);
    expect(inspect(app.databaseFile, generations)).toBe('first:500');
  });
});

describe('POST /create', () => {
  it('of two in the same millisecond makes one backup and tells the other who, what and since when', async () => {
    const { service, release } = holdEngine('snapshot');
    const app = await startApp({ service });
    const both = ['ADMIN', 'DEVELOPER'].map((role) => call(app, 'post', '/create', { role, body: {} }));
    const lost = await Promise.race(both);
    const { operation } = problemOf(lost, 409, 'operation_in_progress');
    expect(operation).toMatchObject({ type: 'create', state: 'running' });
    expect(Number(lost.headers['retry-after'])).toBeGreaterThan(0);
    release();
    const won = (await Promise.all(both)).filter((answer) => answer !== lost);
    const [made] = won.map((answer) => bodyOf(answer, 201, createdSchema).backup);
    expect(made).toMatchObject({ createdBy: operation?.startedBy });
    expect(storedBackups(service.directory)).toEqual([made?.filename]);
  });

  it('of fifty at once makes at least one backup, and each that was told of is there', async () => {
    const app = await startApp({ service: { retention: { keep: 50 } } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(app, 'post', '/create', { body: {} })));
    const made = answers.filter(({ status }) => status === 201).map((answer) => bodyOf(answer, 201, createdSchema));
    for (const answer of answers.filter(({ status }) => status !== 201))
      problemOf(answer, 409, 'operation_in_progress');
    expect(made.map(({ backup }) => backup.filename).sort()).toEqual(storedBackups(app.directory));
    expect(made.length).toBeGreaterThan(0);
  });

  it("succeeds while the host's own connection is inside a transaction, and leaves that out", async () => {
    const app = await startApp();
    app.database.exec("BEGIN IMMEDIATE; UPDATE items SET generation = 'uncommitted'");
    const { filename } = await createOne(app);
    app.database.exec('ROLLBACK');
    expect(inspect(join(app.directory, filename), generations)).toBe('first:500');
  });

  it('answers 503 within its deadline while another connection locks the source, and leaves no file', async () => {
    const app = await startApp({ live: { wal: false } });
    app.database.exec('BEGIN EXCLUSIVE');
    const startedAt = performance.now();
    const answer = await call(app, 'post', '/create', { body: {} });
    problemOf(answer, 503, 'database_busy');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    app.database.exec('ROLLBACK');
    expect(storedBackups(app.directory)).toEqual([]);
    expect(stagedFiles(app.directory)).toEqual([]);
    await createOne(app);
  });

  it('answers 503 when the live file is gone, and does not make one', async () => {
    const app = await startApp();
    app.database.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(app.databaseFile + suffix, { force: true });
    problemOf(await call(app, 'post', '/create', { body: {} }), 503, 'database_missing');
    expect(Object.keys(contentBelow(app.folder)).filter((path) => !path.startsWith('backups'))).toEqual([]);
    expect(storedBackups(app.directory)).toEqual([]);
  });

  it('finishes, and the backup is sound, although the client went away', async () => {
    const app = await startApp();
    const began = new Promise<void>((resolve) => app.service.on('operation', () => resolve()));
    const created = new Promise<string>((resolve) =>
      app.service.on('backup.created', (made) => resolve(made.filename)),
    );
    const ended = new Promise<void>((resolve) => {
      app.service.on('operation', ({ state }) => state === 'succeeded' && resolve());
    });
    const socket = await openSocket(app.origin);
    const { Authorization } = as('ADMIN');
    socket.write(
      `POST /api/backup/create HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: ${Authorization}\r\n\r\n`,
    );
    await began;
    socket.destroy();
    await once(socket, 'close');
    const filename = await created;
    await ended;
    const { backups } = bodyOf(await call(app, 'get', '/list'), 200, listSchema);
    expect(backups.map((backup) => backup.filename)).toEqual([filename]);
    expect(await app.service.verify(filename)).toMatchObject({ ok: true });
  });

  it('leaves out what other databases and temporary tables of a connection hold', async () => {
    const app = await startApp();
    openDatabase(join(app.folder, 'other.db'), { generation: 'other' });
    app.database.exec(`ATTACH '${join(app.folder, 'other.db')}' AS other; CREATE TEMP TABLE scratch (x)`);
    const { filename, tables } = await createOne(app);
    expect(tables).toEqual({ items: 500, commits: 0 });
    expect(inspect(join(app.directory, filename), integrity)).toBe('ok');
  });
});
