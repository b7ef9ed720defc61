import { execFileSync } from 'node:child_process';
import { linkSync, lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bodyOf, cleanupSchema, listSchema, problemOf, verifySchema } from '../helpers/contract.js';
import { contentBelow } from '../helpers/file-tree.js';
import { filenameRoutes, sendToFilename } from '../helpers/filename-routes.js';
import { call, createOne, phrase, startApp } from '../helpers/http-app.js';
import { generations, integrity, isLockedForOthers } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, storedBackups } from '../helpers/workspace.js';

const name = (year: number): string => `app_backup_${year}-01-01_00-00-00.db`;

async function listenOn(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
}

describe('what only looks like a backup', () => {
  it('as a socket is not listed, not found by any route, and stays', async () => {
    const app = await startApp();
    await createOne(app);
    await listenOn(join(app.directory, name(2020)));
    for (const [, route] of filenameRoutes)
      problemOf(await sendToFilename(app, route, name(2020)), 404, 'backup_not_found');
    expect(bodyOf(await call(app, 'get', '/list'), 200, listSchema).total).toBe(1);
    expect(lstatSync(join(app.directory, name(2020))).isSocket()).toBe(true);
  });

  it('is left alone by a cleanup, which removes the old backups around it', async () => {
    const app = await startApp({ service: { retention: { keep: 1 } } });
    const outside = join(app.folder, 'outside.db');
    writeFileSync(outside, 'outside');
    await createOne(app);
    symlinkSync(outside, join(app.directory, name(2020)));
    mkdirSync(join(app.directory, name(2021)));
    execFileSync('mkfifo', [join(app.directory, name(2022))]);
    await listenOn(join(app.directory, name(2023)));
    linkSync(outside, join(app.directory, name(2024)));
    const newest = await createOne(app);
    const outcome = bodyOf(await call(app, 'post', '/cleanup', { body: {} }), 200, cleanupSchema);
    expect(outcome).toMatchObject({ deleted: [], failed: [] });
    const foreign = [2020, 2021, 2022, 2023, 2024].map(name);
    expect(storedBackups(app.directory)).toEqual([...foreign, newest.filename]);
    expect(readFileSync(outside, 'utf8')).toBe('outside');
  });

  it('as another name of a file elsewhere is a stray file: never restored, and removed without harm to that file', async () => {
    const app = await startApp();
    const real = await createOne(app);
    const outside = join(app.folder, 'outside.db');
    writeFileSync(outside, readFileSync(join(app.directory, real.filename)));
    linkSync(outside, join(app.directory, name(2020)));
    const outcome = bodyOf(await call(app, 'post', `/verify/${name(2020)}`, { body: {} }), 200, verifySchema);
    expect(outcome).toMatchObject({ ok: false, checks: { manifest: 'failed' } });
    problemOf(await call(app, 'post', `/restore/${name(2020)}`, { body: { confirm: phrase } }), 422, 'backup_damaged');
    expect((await call(app, 'delete', `/${name(2020)}`)).status).toBe(204);
    expect(lstatSync(outside)).toMatchObject({ nlink: 1, size: real.size });
  });

  it('as the live database by another name is never opened: the locks of the application stay', async () => {
    const app = await startApp({ live: { wal: false } });
    await createOne(app);
    linkSync(app.databaseFile, join(app.directory, name(2020)));
    const before = generations(app.database);
    bodyOf(await call(app, 'post', `/verify/${name(2020)}`, { body: {} }), 200, verifySchema);
    problemOf(await call(app, 'post', `/restore/${name(2020)}`, { body: { confirm: phrase } }), 422, 'backup_damaged');
    app.database.exec('BEGIN IMMEDIATE');
    problemOf(await call(app, 'get', `/download/${name(2020)}`), 404, 'backup_not_found');
    expect(isLockedForOthers(app.databaseFile)).toBe(true);
    app.database.exec('COMMIT');
    expect(generations(app.database)).toBe(before);
    expect(integrity(app.database)).toBe('ok');
  });

  it('as the live database, which the service knows by a link, is never opened either', async () => {
    const { service, folder, databaseFile, directory, database } = createWorkspace({ live: { wal: false } });
    await service.create();
    await service.close();
    symlinkSync(databaseFile, join(folder, 'current.db'));
    const { service: later } = openService({ database: join(folder, 'current.db'), directory, prefix: 'app' });
    linkSync(databaseFile, join(directory, name(2020)));
    database.exec('BEGIN IMMEDIATE');
    await expect(later.open(name(2020))).rejects.toMatchObject({ code: 'backup_not_found' });
    expect(isLockedForOthers(databaseFile)).toBe(true);
    database.exec('COMMIT');
  });
});

describe('after the start of the service', () => {
  const calls: [string, 'get' | 'post' | 'delete', string, object?][] = [
    ['list', 'get', '/list'],
    ['stats', 'get', '/stats'],
    ['download', 'get', '/download/NAME'],
    ['verify', 'post', '/verify/NAME', {}],
    ['restore', 'post', '/restore/NAME', { confirm: phrase }],
    ['create', 'post', '/create', {}],
    ['delete', 'delete', '/NAME'],
    ['cleanup', 'post', '/cleanup', {}],
  ];

  it.each(calls)(
    'a link in the place of the vault is refused by %s, and where it leads nothing changes',
    async (...row) => {
      const [, method, path, body] = row;
      const app = await startApp();
      const { filename } = await createOne(app);
      const elsewhere = temporaryFolder();
      renameSync(app.directory, join(elsewhere, 'backups'));
      symlinkSync(join(elsewhere, 'backups'), app.directory);
      const backups = (): object =>
        Object.fromEntries(Object.entries(contentBelow(elsewhere)).filter(([file]) => !file.includes('.state')));
      const before = backups();
      problemOf(await call(app, method, path.replace('NAME', filename), { body }), 500, 'vault_refused');
      expect(backups()).toEqual(before);
      expect(generations(app.database)).toBe('first:500');
    },
  );

  it('a link in the place of the manifests is refused, and nothing is written where it leads', async () => {
    const app = await startApp();
    await createOne(app);
    const elsewhere = temporaryFolder();
    renameSync(join(app.directory, 'metadata'), join(app.folder, 'moved'));
    symlinkSync(elsewhere, join(app.directory, 'metadata'));
    problemOf(await call(app, 'get', '/list'), 500, 'vault_refused');
    problemOf(await call(app, 'post', '/create', { body: {} }), 500, 'vault_refused');
    expect(contentBelow(elsewhere)).toEqual({});
  });
});
