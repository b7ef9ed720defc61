import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentButAudit } from '../helpers/audit.js';
import { bodyOf, createdSchema, listSchema, problemOf } from '../helpers/contract.js';
import { contentBelow } from '../helpers/file-tree.js';
import { holdEngine } from '../helpers/held-engine.js';
import { call, createOne, expressVersions, type HttpApp, startApp } from '../helpers/http-app.js';
import { storedBackups } from '../helpers/workspace.js';

const change = (app: HttpApp, name: string, body: object) => call(app, 'patch', `/${name}`, { body, role: 'ADMIN' });

describe.each(expressVersions)('%s: PATCH /:filename', (_version, express) => {
  it('changes notes and pin, each by itself, and nothing else', async () => {
    const app = await startApp({ express });
    const backup = await createOne(app, 'before');
    const digest = contentBelow(app.directory)[backup.filename];
    const noted = bodyOf(await change(app, 'latest', { notes: "it's after\n" }), 200, createdSchema);
    expect(noted.backup).toEqual({ ...backup, notes: "it's after\n" });
    const pinned = bodyOf(await change(app, backup.filename, { pinned: true }), 200, createdSchema);
    expect(pinned.backup).toEqual({ ...noted.backup, pinned: true });
    const cleared = bodyOf(await change(app, backup.filename, { notes: null, pinned: false }), 200, createdSchema);
    expect(cleared.backup).toEqual({ ...backup, notes: null });
    expect(bodyOf(await change(app, backup.filename, {}), 200, createdSchema)).toEqual(cleared);
    expect(bodyOf(await call(app, 'get', '/list'), 200, listSchema).backups).toEqual([cleared.backup]);
    expect(contentBelow(app.directory)[backup.filename]).toBe(digest);
    expect(await app.service.verify(backup.filename)).toMatchObject({ ok: true });
  });
});

describe('PATCH /:filename', () => {
  it.each([
    ['pinned as text', { pinned: 'true' }, 'pinned'],
    ['pinned null', { pinned: null }, 'pinned'],
    ['notes as a list', { notes: ['x'] }, 'notes'],
    ['notes of 1,001 characters', { notes: 'x'.repeat(1_001) }, 'notes'],
    ['the digest', { sha256: '0'.repeat(64) }, 'sha256'],
    ['the verification', { verification: { ok: true } }, 'verification'],
    ['the name', { filename: 'x.db' }, 'filename'],
  ])('refuses to change %s', async (_what, body, field) => {
    const app = await startApp();
    const { filename } = await createOne(app);
    const before = contentButAudit(app.directory);
    const { errors } = problemOf(await change(app, filename, body), 400, 'invalid_request');
    expect(errors?.map((error) => error.field)).toEqual([field]);
    expect(contentButAudit(app.directory)).toEqual(before);
  });

  it('keeps members of the manifest that a newer version wrote', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    const manifest = join(app.directory, 'metadata', filename.replace('.db', '.json'));
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), colour: 'blue' }));
    bodyOf(await change(app, filename, { notes: 'x' }), 200, createdSchema);
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ colour: 'blue', notes: 'x' });
  });
});

describe.each(expressVersions)('%s: DELETE /:filename', (_version, express) => {
  it('removes the file and its manifest, and answers 204 without a body', async () => {
    const app = await startApp({ express });
    const [older, newer] = [await createOne(app), await createOne(app)];
    const answer = await call(app, 'delete', `/${older.filename}`, { role: 'ADMIN' });
    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(storedBackups(app.directory)).toEqual([newer.filename]);
    expect(existsSync(join(app.directory, 'metadata', older.filename.replace('.db', '.json')))).toBe(false);
    problemOf(await call(app, 'delete', `/${older.filename}`), 404, 'backup_not_found');
  });

  it('refuses what is pinned until it is unpinned', async () => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    await change(app, filename, { pinned: true });
    for (const name of [filename, 'latest']) problemOf(await call(app, 'delete', `/${name}`), 409, 'backup_pinned');
    expect(storedBackups(app.directory)).toEqual([filename]);
    await change(app, filename, { pinned: false });
    expect((await call(app, 'delete', '/latest')).status).toBe(204);
  });

  it('of one backup twice at once answers one with 204', async () => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    const answers = await Promise.all([1, 2].map(() => call(app, 'delete', `/${filename}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      204,
      expect.toSatisfy((it) => it === 404 || it === 409),
    ]);
  });
});

describe('DELETE /:filename', () => {
  it('refuses what is being verified', async () => {
    const { service, begun, release } = holdEngine('verify');
    const app = await startApp({ service });
    const { filename } = await createOne(app);
    const verifying = app.service.verify(filename);
    await begun;
    const answer = await call(app, 'delete', `/${filename}`);
    problemOf(answer, 409, 'backup_in_use');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    release();
    expect(await verifying).toMatchObject({ ok: true });
    expect((await call(app, 'delete', `/${filename}`)).status).toBe(204);
  });

  it('refuses to remove anything while another operation runs', async () => {
    const { service, begun, release } = holdEngine('snapshot');
    const app = await startApp({ service });
    const creating = app.service.create();
    await begun;
    problemOf(await call(app, 'delete', '/latest'), 404, 'backup_not_found');
    writeFileSync(join(String(service.directory), 'stray.db'), 'x');
    problemOf(await call(app, 'delete', '/stray.db'), 409, 'operation_in_progress');
    release();
    const { filename } = await creating;
    expect(storedBackups(service.directory)).toEqual([filename, 'stray.db']);
  });
});
