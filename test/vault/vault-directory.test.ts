import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBackupService } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { refuseUnsafePlace } from '../../dist/vault/vault-directory.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService } from '../helpers/workspace.js';

const refused = expect.objectContaining({ code: 'vault_refused' });

function liveIn(folder: string, name = 'app.db'): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  createDatabase(file, { rows: 1 }).close();
  return file;
}

describe('start', () => {
  it('makes a private directory and knows its own database again', async () => {
    const folder = temporaryFolder();
    const options = { database: liveIn(folder), directory: join(folder, 'deep', 'backups') };
    await openService(options).service.start();
    expect(statSync(options.directory).mode & 0o777).toBe(0o700);
    await openService(options).service.start();
  });

  it('makes an empty directory private before it becomes the vault', async () => {
    const folder = temporaryFolder();
    const directory = join(folder, 'backups');
    mkdirSync(directory, { mode: 0o755 });
    await openService({ database: liveIn(folder), directory }).service.start();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('refuses the vault of another database', async () => {
    const folder = temporaryFolder();
    const directory = join(folder, 'backups');
    await openService({ database: liveIn(folder), directory }).service.create();
    const other = openService({ database: liveIn(folder, 'other.db'), directory }).service;
    await expect(other.start()).rejects.toThrow(refused);
    await expect(other.create()).rejects.toThrow(refused);
    await expect(other.list()).rejects.toThrow(refused);
    await expect(other.cleanup()).rejects.toThrow(refused);
    expect(readdirSync(directory).filter((name) => name.endsWith('.db'))).toHaveLength(1);
  });

  it('knows a database again that was moved together with its vault, or is reached by a link', async () => {
    const folder = temporaryFolder();
    await openService({
      database: liveIn(join(folder, 'old')),
      directory: join(folder, 'old', 'backups'),
    }).service.start();
    renameSync(join(folder, 'old'), join(folder, 'new'));
    const directory = join(folder, 'new', 'backups');
    await openService({ database: join(folder, 'new', 'app.db'), directory }).service.start();
    symlinkSync(join(folder, 'new', 'app.db'), join(folder, 'link.db'));
    await openService({ database: join(folder, 'link.db'), directory }).service.start();
  });

  it('knows its database while the file is missing, when the backups are needed most', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    const options = { database: join(folder, 'link', 'app.db'), directory: join(folder, 'backups') };
    await openService(options).service.start();
    liveIn(join(folder, 'real'));
    await openService(options).service.create();
    rmSync(join(folder, 'real', 'app.db'));
    expect((await openService(options).service.list()).total).toBe(1);
  });

  it.each([
    ['a symbolic link', (path: string) => symlinkSync(temporaryFolder(), path)],
    [
      'writable by every user',
      (path: string) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
    ],
    [
      'writable by every user with the sticky bit',
      (path: string) => {
        mkdirSync(path);
        chmodSync(path, 0o1777);
      },
    ],
    [
      'a vault whose owner cannot be read',
      (path: string) => {
        mkdirSync(join(path, '.state'), { recursive: true });
        writeFileSync(join(path, '.state', 'vault.json'), '{');
      },
    ],
  ])('refuses a directory that is %s', async (_case, make) => {
    const folder = temporaryFolder();
    const directory = join(folder, 'backups');
    make(directory);
    const before = readdirSync(directory);
    const { service } = openService({ database: liveIn(folder), directory });
    await expect(service.start()).rejects.toThrow(refused);
    await expect(service.create()).rejects.toThrow(refused);
    expect(readdirSync(directory)).toEqual(before);
  });
});

describe('creation', () => {
  const workingDirectory = '/srv/app';
  const place = { liveFile: '/srv/app/data/app.db', staticRoots: ['/srv/app/assets'], workingDirectory };
  it.each([
    '/srv/app/public/backups',
    '/srv/app/web/static/backups',
    '/srv/app/www',
    '/srv/app/Public/backups',
    '/home/x/public_html/backups',
    '/srv/other/public/backups',
    '/srv/app/assets/backups',
    '/srv/app/assets',
    '/srv/app/data',
    '/srv/app',
    '/',
  ])('refuses a directory from which anyone could download, or around the database: %s', (directory) => {
    expect(() => refuseUnsafePlace(directory, place)).toThrow(refused);
  });

  it.each([
    '/srv/app/backups',
    '/srv/app/data/backups',
    '/var/www/app/backups',
    '/srv/app/publications',
    '/srv/app/assets-old',
  ])('accepts %s', (directory) => {
    expect(() => refuseUnsafePlace(directory, place)).not.toThrow();
  });

  it('of a service refuses it at once', () => {
    const folder = temporaryFolder();
    expect(() =>
      createBackupService({ database: join(folder, 'app.db'), directory: join(folder, 'public', 'backups') }),
    ).toThrow(refused);
    expect(() => createBackupService({ database: join(folder, 'app.db'), directory: folder })).toThrow(refused);
    expect(readdirSync(folder)).toEqual([]);
  });
});
