import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bodyOf, listSchema, problemOf, statsSchema, straySchema } from '../helpers/contract.js';
import { call, createOne, expressVersions, type HttpApp, startApp } from '../helpers/http-app.js';

const list = async (app: HttpApp, query = '') => bodyOf(await call(app, 'get', `/list${query}`), 200, listSchema);

/** Three by hand, one before a migration, and the safety backup of a restore. */
async function appWithBackups(express: (typeof expressVersions)[number][1]): Promise<HttpApp> {
  const app = await startApp({ express });
  for (const notes of ['one', 'two', 'three']) await createOne(app, notes);
  await app.service.create({ kind: 'pre_migration', notes: 'four' });
  await app.service.restore('latest');
  return app;
}

describe.each(expressVersions)('%s: GET /list', (_version, express) => {
  it('is empty in a vault that does not exist yet', async () => {
    const app = await startApp({ express });
    expect(await list(app)).toEqual({ backups: [], total: 0, limit: 50, offset: 0 });
    problemOf(await call(app, 'get', '/download/latest'), 404, 'backup_not_found');
  });

  it('is sorted, cut and filtered as asked, and `total` counts what was not cut', async () => {
    const app = await appWithBackups(express);
    const all = await list(app);
    expect(all.backups.map(({ kind }) => kind)).toEqual(['safety', 'pre_migration', 'manual', 'manual', 'manual']);
    expect(all.backups.slice(1).map(({ notes }) => notes)).toEqual(['four', 'three', 'two', 'one']);
    const upwards = await list(app, '?order=asc');
    expect(upwards.backups).toEqual([...all.backups].reverse());
    const page = await list(app, '?limit=2&offset=1');
    expect(page).toEqual({ backups: all.backups.slice(1, 3), total: 5, limit: 2, offset: 1 });
    const manual = await list(app, '?kind=manual&limit=1');
    expect(manual).toMatchObject({ total: 3, backups: [{ notes: 'three' }] });
    expect(await list(app, '?offset=100')).toMatchObject({ backups: [], total: 5 });
    expect(await list(app, '?kind=uploaded')).toMatchObject({ backups: [], total: 0 });
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=NaN', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['limit=99999999999999999999', 'limit'],
    ['offset=-1', 'offset'],
    ['offset=1.5', 'offset'],
    ['order=up', 'order'],
    ['order=desc&order=asc', 'order'],
    ['kind=all', 'kind'],
    ['kind=manual%27%20OR%201=1', 'kind'],
    ['sort=size', 'sort'],
  ])('refuses ?%s and names the field', async (query, field) => {
    const app = await startApp({ express });
    const { errors } = problemOf(await call(app, 'get', `/list?${query}`), 400, 'invalid_request');
    expect(errors?.map((error) => error.field)).toEqual([field]);
  });
});

describe('a stray file', () => {
  it('is listed as what it is, is never `latest`, and is left alone by a cleanup', async () => {
    const app = await startApp({ service: { retention: { keep: 1 } } });
    const { filename } = await createOne(app);
    writeFileSync(join(app.directory, 'copied-by-hand.db'), 'what somebody put here');
    writeFileSync(join(app.directory, 'notes.txt'), 'no backup');
    const { backups, total } = await list(app);
    expect(total).toBe(2);
    const stray = backups.find((backup) => !backup.manifest);
    expect(straySchema.parse(stray)).toMatchObject({ filename: 'copied-by-hand.db', size: 22 });
    expect((await app.service.get('latest')).filename).toBe(filename);
    const { kept } = await app.service.cleanup();
    expect(kept).toContainEqual({ filename: 'copied-by-hand.db', reason: expect.stringContaining('stray file') });
    problemOf(await call(app, 'patch', '/copied-by-hand.db', { body: { pinned: true } }), 404, 'backup_not_found');
    expect((await call(app, 'delete', '/copied-by-hand.db')).status).toBe(204);
    expect((await list(app)).total).toBe(1);
  });
});

describe.each(expressVersions)('%s: GET /stats', (_version, express) => {
  it('sums up the vault and tells no path', async () => {
    const app = await appWithBackups(express);
    const answer = await call(app, 'get', '/stats', { role: 'ADMIN' });
    const stats = bodyOf(answer, 200, statsSchema);
    const { backups } = await list(app);
    expect(stats).toMatchObject({ totalBackups: 5, newest: backups[0], oldest: backups[4], directory: null });
    expect(stats.totalSize).toBe(backups.reduce((sum, { size }) => sum + size, 0));
    expect(Object.entries(stats.byKind).map(([kind, { count }]) => [kind, count])).toEqual(
      expect.arrayContaining([
        ['manual', 3],
        ['pre_migration', 1],
        ['safety', 1],
      ]),
    );
    expect(stats.retention).toMatchObject({ keep: 7, safety: { keep: 3 } });
    expect(stats.lastVerifiedAt).not.toBeNull();
    expect(answer.text).not.toContain(app.folder);
  });

  it('says null where there is no backup', async () => {
    const app = await startApp({ express });
    const stats = bodyOf(await call(app, 'get', '/stats'), 200, statsSchema);
    expect(stats).toMatchObject({ totalBackups: 0, totalSize: 0, newest: null, oldest: null, lastVerifiedAt: null });
    expect(stats.byKind).toEqual({});
  });
});
