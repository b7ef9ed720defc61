import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { crashedCopy } from './database-files.js';
import { createDatabase, setGeneration } from './live-database.js';
import { temporaryFolder } from './temporary-folder.js';
import { openService } from './workspace.js';

interface Steps {
  readonly onClose?: () => void | Promise<void>;
  readonly onReopen?: () => void | Promise<void>;
}

/** A host whose live file was damaged while nobody had it open, with a backup of `first`, and what it was told to do. */
export async function damagedHost(damage: (file: string) => void, { onClose, onReopen }: Steps = {}, linked = false) {
  const folder = temporaryFolder();
  const databaseFile = join(folder, 'app.db');
  const directory = join(folder, 'backups');
  const database = createDatabase(databaseFile);
  const calls: string[] = [];
  const host: { database: Database.Database | undefined } = { database: undefined };
  const connection = {
    close: async () => {
      calls.push('close');
      host.database?.close();
      await onClose?.();
    },
    reopen: async () => {
      calls.push('reopen');
      if (existsSync(databaseFile)) host.database = new Database(databaseFile);
      await onReopen?.();
    },
  };
  onTestFinished(() => void host.database?.close());
  if (linked) symlinkSync(databaseFile, join(folder, 'link.db'));
  const path = linked ? join(folder, 'link.db') : databaseFile;
  const { service, internalErrors } = openService({ database: path, directory, connection });
  const { filename } = await service.create();
  setGeneration(database, 'second');
  crashedCopy(databaseFile, join(folder, 'crashed.db'));
  database.close();
  for (const suffix of ['', '-wal'])
    execFileSync('cp', [`${join(folder, 'crashed.db')}${suffix}`, databaseFile + suffix]);
  for (const suffix of ['', '-wal']) rmSync(`${join(folder, 'crashed.db')}${suffix}`);
  chmodSync(databaseFile, 0o640);
  damage(databaseFile);
  return { folder, databaseFile, directory, service, filename, calls, host, internalErrors };
}
