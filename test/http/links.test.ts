import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqlite } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import type { EngineContext } from '../../dist/engines/engine.js';
import { localStorage } from '../../dist/storage/local-storage.js';
import { bodyOf, listSchema, problemOf, verifySchema } from '../helpers/contract.js';
import { filenameRoutes, sendToFilename } from '../helpers/filename-routes.js';
import { call, createOne, phrase, startApp } from '../helpers/http-app.js';
import { generations, inspect, openDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const generationsOf = (file: string): string => inspect(file, generations);

describe('in the vault', () => {
  const name = 'app_backup_2026-01-01_00-00-00.db';
  const kinds: [string, (path: string, target: string) => void][] = [
    ['a link to a file elsewhere', (path, target) => symlinkSync(target, path)],
    ['a link to nothing', (path) => symlinkSync('/nowhere/at/all', path)],
    ['a link to itself', (path) => symlinkSync(name, path)],
    ['a link to a directory', (path) => symlinkSync('/etc', path)],
    ['a directory', (path) => mkdirSync(path)],
    ['a pipe', (path) => void execFileSync('mkfifo', [path])],
  ];

  it.each(kinds)('%s is not listed and not found, and its target stays as it is', async (_what, make) => {
    const app = await startApp();
    const real = await createOne(app);
    const target = join(app.folder, 'outside.db');
    writeFileSync(target, readFileSync(join(app.directory, real.filename)));
    const before = statSync(target);
    make(join(app.directory, name), target);
    const { backups } = bodyOf(await call(app, 'get', '/list'), 200, listSchema);
    expect(backups.map(({ filename }) => filename)).toEqual([real.filename]);
    for (const [, route] of filenameRoutes) problemOf(await sendToFilename(app, route, name), 404, 'backup_not_found');
    expect(statSync(target)).toEqual(before);
  });

  it('a link swapped in for a real backup is refused by every route, although its manifest is there', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    const path = join(app.directory, filename);
    const target = join(app.folder, 'outside.db');
    renameSync(path, target);
    symlinkSync(target, path);
    const before = statSync(target);
    expect(bodyOf(await call(app, 'get', '/list'), 200, listSchema).backups).toEqual([]);
    for (const [, route] of filenameRoutes) {
      for (const asked of [filename, 'latest'])
        problemOf(await sendToFilename(app, route, asked), 404, 'backup_not_found');
    }
    expect(statSync(target)).toEqual(before);
  });

  it('a link swapped in between the look and the opening is refused by the opening itself', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'secret'), 'secret');
    symlinkSync(join(directory, 'secret'), join(directory, name));
    await expect(localStorage(directory).open(name)).rejects.toMatchObject({ code: 'backup_not_found' });
  });

  it.each([
    ['verify', {}],
    ['restore', { confirm: phrase }],
  ])('a link swapped in just before the engine reads stops a %s', async (verb, body) => {
    const folder = temporaryFolder();
    const engine = sqlite({ path: join(folder, 'app.db') });
    openDatabase(join(folder, 'app.db'));
    const swapFirst =
      <Input extends { file: string }, Result>(read: (input: Input, context: EngineContext) => Promise<Result>) =>
      (input: Input, context: EngineContext): Promise<Result> => {
        renameSync(input.file, join(folder, 'outside.db'));
        symlinkSync(join(folder, 'outside.db'), input.file);
        return read(input, context);
      };
    const swapping = { ...engine, verify: swapFirst(engine.verify), stage: swapFirst(engine.stage) };
    const app = await startApp({ service: { database: swapping, directory: join(folder, 'backups') } });
    const { filename } = await createOne(app);
    const before = generationsOf(join(folder, 'app.db'));
    problemOf(await call(app, 'post', `/${verb}/${filename}`, { body }), 404, 'backup_not_found');
    expect(generationsOf(join(folder, 'app.db'))).toBe(before);
  });

  it('a name with a manifest of another file is a stray file', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    const foreign = 'app_backup_2020-01-01_00-00-00.db';
    writeFileSync(join(app.directory, foreign), readFileSync(join(app.directory, filename)));
    const manifest = readFileSync(join(app.directory, 'metadata', filename.replace('.db', '.json')));
    writeFileSync(join(app.directory, 'metadata', foreign.replace('.db', '.json')), manifest);
    const { backups } = bodyOf(await call(app, 'get', '/list'), 200, listSchema);
    expect(backups.find((backup) => backup.filename === foreign)).toMatchObject({ manifest: false, kind: null });
    const outcome = bodyOf(await call(app, 'post', `/verify/${foreign}`, { body: {} }), 200, verifySchema);
    expect(outcome).toMatchObject({ ok: false, checks: { manifest: 'failed' } });
    problemOf(await call(app, 'post', `/restore/${foreign}`, { body: { confirm: phrase } }), 422, 'backup_damaged');
  });
});
