import { lstatSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createBackupService } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { generations, inspect, openAgain, openDatabase, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService } from '../helpers/workspace.js';

/** A live database in `data/`, and a service that knows it by a link in another folder. */
function linkDatabase() {
  const folder = temporaryFolder();
  const databaseFile = join(folder, 'data', 'app.db');
  const link = join(folder, 'current.db');
  mkdirSync(join(folder, 'data'));
  symlinkSync(databaseFile, link);
  return { folder, databaseFile, link, directory: join(folder, 'backups') };
}

describe('a live database that is reached by a symbolic link', () => {
  it('is restored where it lies, beside a reader of its log; the link stays', async () => {
    const { databaseFile, link, directory } = linkDatabase();
    const database = openDatabase(databaseFile);
    const { service } = openService({ database: link, directory });
    const { filename } = await service.create();
    setGeneration(database, 'second');
    const reader = openAgain(databaseFile);
    reader.exec('BEGIN; SELECT count(*) FROM items');
    const { safetyBackup, checkpointPending } = await service.restore(filename);
    expect(checkpointPending).toBe(true);
    reader.exec('COMMIT');
    expect(generations(database)).toBe('first:500');
    expect(inspect(join(directory, safetyBackup ?? ''), generations)).toBe('second:500');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it('is counted with the log that lies beside the file, not beside the link', async () => {
    const { databaseFile, link, directory } = linkDatabase();
    const database = openDatabase(databaseFile);
    database.pragma('wal_autocheckpoint = 0');
    for (const generation of ['second', 'third', 'fourth']) setGeneration(database, generation);
    const bytes = statSync(databaseFile).size + statSync(`${databaseFile}-wal`).size;
    const limits = { backupBytes: bytes - 1 };
    const { service } = openService({ database: link, directory, limits });
    await expect(service.create()).rejects.toMatchObject({
      code: 'insufficient_storage',
      facts: { requiredBytes: bytes },
    });
  });

  it('is database_missing where the link leads nowhere, and the vault still knows whose it is', async () => {
    const { databaseFile, link, directory } = linkDatabase();
    openDatabase(databaseFile).close();
    const { service } = openService({ database: link, directory });
    const { filename } = await service.create();
    rmSync(databaseFile);
    const { service: later } = openService({ database: link, directory });
    await expect(later.create()).rejects.toMatchObject({ code: 'database_missing' });
    await expect(later.restore(filename)).rejects.toMatchObject({ code: 'database_missing' });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });
});

describe('a vault that is reached by a link', () => {
  const refused = expect.objectContaining({ code: 'vault_refused' });

  it('is refused where the place itself holds the live database', () => {
    const { folder, databaseFile } = linkDatabase();
    symlinkSync(folder, join(folder, 'detour'));
    const make = () => createBackupService({ database: databaseFile, directory: join(folder, 'detour', 'data') });
    expect(make).toThrow(refused);
  });

  it('is refused where the place itself lies in a folder that is served', () => {
    const { folder, databaseFile } = linkDatabase();
    mkdirSync(join(folder, 'public'));
    mkdirSync(join(folder, 'assets'));
    symlinkSync(join(folder, 'public'), join(folder, 'private'));
    symlinkSync(join(folder, 'assets'), join(folder, 'elsewhere'));
    const make = (directory: string, staticRoots: string[] = []) =>
      createBackupService({ database: databaseFile, directory: join(folder, directory), staticRoots });
    expect(() => make('private/backups')).toThrow(refused);
    expect(() => make('assets/backups', [join(folder, 'elsewhere')])).toThrow(refused);
    expect(() => make('elsewhere/backups', [join(folder, 'assets')])).toThrow(refused);
    expect(() => make('elsewhere/backups')).not.toThrow();
  });
});
