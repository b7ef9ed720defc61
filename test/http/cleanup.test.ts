import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bodyOf, cleanupSchema, problemOf } from '../helpers/contract.js';
import { contentBelow } from '../helpers/file-tree.js';
import { holdEngine } from '../helpers/held-engine.js';
import { as, call, createOne, expressVersions, type HttpApp, startApp } from '../helpers/http-app.js';
import { rawRequest } from '../helpers/raw-request.js';
import { openService, storedBackups } from '../helpers/workspace.js';

const cleanup = async (app: HttpApp, body: object = {}) =>
  bodyOf(await call(app, 'post', '/cleanup', { body, role: 'ADMIN' }), 200, cleanupSchema);

/** Backups that a policy made room for that this app does not have any more. */
async function appWithTooMany(
  express?: (typeof expressVersions)[number][1],
  count = 3,
): Promise<{ app: HttpApp; names: string[] }> {
  const app = await startApp({ ...(express && { express }), service: { retention: { keep: 1 } } });
  const { service } = openService({ database: app.databaseFile, directory: app.directory, retention: { keep: 50 } });
  const names: string[] = [];
  for (let backup = 0; backup < count; backup++) names.unshift((await service.create()).filename);
  return { app, names };
}

function spoil({ directory }: HttpApp, filename: string): void {
  const content = readFileSync(join(directory, filename));
  content.writeUInt8(content.readUInt8(9_000) ^ 0xff, 9_000);
  writeFileSync(join(directory, filename), content);
}

describe.each(expressVersions)('%s: POST /cleanup', (_version, express) => {
  it('tells on a dry run what it would remove and why, and removes nothing', async () => {
    const { app, names } = await appWithTooMany(express);
    const before = contentBelow(app.directory);
    const outcome = await cleanup(app, { dryRun: true });
    expect(outcome).toMatchObject({ dryRun: true, failed: [] });
    expect(outcome.deleted.map(({ filename }) => filename)).toEqual(names.slice(1));
    expect(outcome.kept.map(({ filename }) => filename)).toEqual(names.slice(0, 1));
    expect(outcome.freedBytes).toBeGreaterThan(0);
    for (const name of names) expect(contentBelow(app.directory)[name]).toBe(before[name]);
  });

  it('removes what its dry run told, file and manifest, and nothing the second time', async () => {
    const { app, names } = await appWithTooMany(express);
    const told = await cleanup(app, { dryRun: true });
    expect(await cleanup(app)).toEqual({ ...told, dryRun: false });
    expect(storedBackups(app.directory)).toEqual(names.slice(0, 1).sort());
    const manifests = Object.keys(contentBelow(join(app.directory, 'metadata')));
    expect(manifests).toEqual(
      names
        .slice(0, 1)
        .map((name) => name.replace('.db', '.json'))
        .sort(),
    );
    expect(await cleanup(app)).toMatchObject({ deleted: [], freedBytes: 0 });
  });
});

describe('POST /cleanup', () => {
  it.each([
    ['keep 0', { keep: 0 }],
    ['keep -1', { keep: -1 }],
    ['keep NaN', { keep: Number.NaN }],
    ['keep 1e9', { keep: 1e9 }],
    ['keep as a command', { keep: '3; rm -rf /' }],
    ['dryRun as text', { dryRun: 'false' }],
    ['dryRun as a number', { dryRun: 0 }],
    ['dryRun null', { dryRun: null }],
    ['another spelling', { dry_run: true }],
    ['a list', [{ dryRun: true }]],
  ])('refuses %s and removes nothing', async (_what, body) => {
    const { app, names } = await appWithTooMany(undefined, 2);
    problemOf(await call(app, 'post', '/cleanup', { body }), 400, 'invalid_request');
    expect(storedBackups(app.directory)).toEqual([...names].sort());
  });

  it('refuses a dry run that is not sent as JSON, instead of removing for real', async () => {
    const { app, names } = await appWithTooMany(undefined, 2);
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream']) {
      const headers = { ...as('ADMIN'), 'Content-Type': type };
      const answer = await rawRequest(app.origin, 'POST', '/api/backup/cleanup', headers, '{"dryRun":true}');
      problemOf(answer, 400, 'invalid_request');
    }
    expect(storedBackups(app.directory)).toEqual([...names].sort());
  });

  it('keeps the newest backup that verified, although a newer one is broken', async () => {
    const { app, names } = await appWithTooMany();
    const [broken = '', good = '', oldest = ''] = names;
    spoil(app, broken);
    expect(await app.service.verify(broken)).toMatchObject({ ok: false });
    const { kept, deleted } = await cleanup(app);
    expect(kept).toContainEqual({ filename: good, reason: 'one of the newest 1 of kind manual' });
    expect(deleted.map(({ filename }) => filename)).toEqual([oldest]);
    expect(await app.service.verify(good)).toMatchObject({ ok: true });
  });

  it('keeps what is pinned', async () => {
    const { app, names } = await appWithTooMany();
    const oldest = names.at(-1) ?? '';
    expect((await call(app, 'patch', `/${oldest}`, { body: { pinned: true } })).status).toBe(200);
    expect((await cleanup(app)).kept).toContainEqual({ filename: oldest, reason: 'pinned' });
    expect(storedBackups(app.directory)).toContain(oldest);
  });

  it('counts safety backups apart from the others', async () => {
    const app = await startApp({ service: { retention: { keep: 1, safety: { keep: 2 } } } });
    await createOne(app);
    for (let restore = 0; restore < 4; restore++) await app.service.restore('latest');
    const { kept, deleted } = await cleanup(app);
    expect(deleted.map(({ reason }) => reason)).toEqual(Array(2).fill('older than the newest 2 of kind safety'));
    expect(kept.map(({ reason }) => reason).sort()).toEqual([
      'one of the newest 1 of kind manual',
      'one of the newest 2 of kind safety',
      'one of the newest 2 of kind safety',
    ]);
  });

  it('does not happen after a create that failed', async () => {
    const { app, names } = await appWithTooMany();
    const { service } = openService({
      database: app.databaseFile,
      directory: app.directory,
      retention: { keep: 1 },
      requiredTables: ['missing'],
    });
    await expect(service.create()).rejects.toMatchObject({ code: 'source_damaged' });
    expect(storedBackups(app.directory)).toEqual([...names].sort());
  });

  it('is refused while another operation runs, save for a dry run', async () => {
    const { service, begun, release } = holdEngine('snapshot');
    const app = await startApp({ service });
    const creating = app.service.create({ by: 'someone' });
    await begun;
    const { operation } = problemOf(await call(app, 'post', '/cleanup', { body: {} }), 409, 'operation_in_progress');
    expect(operation).toMatchObject({ type: 'create', startedBy: 'someone' });
    expect(await cleanup(app, { dryRun: true })).toMatchObject({ deleted: [], kept: [] });
    release();
    await creating;
  });
});
