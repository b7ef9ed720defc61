import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { inspect } from '../helpers/live-database.js';
import { createWorkspace } from '../helpers/workspace.js';

const switcher = fileURLToPath(new URL('../fixtures/switch-journal-mode.mjs', import.meta.url));
const keys = (database: Database.Database): unknown[] => database.prepare('SELECT key FROM commits').pluck().all();

it('no commit is lost when the application turns to a write-ahead log while a restore waits for the lock', async () => {
  const { database, databaseFile, directory, service } = createWorkspace({ live: { wal: false } });
  await service.create();
  database.close();
  const other = fork(switcher, [databaseFile]);
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other, 'message');
  const waiting = new Promise<void>((resolve) => {
    service.on('operation', ({ phase }) => {
      if (phase === 'waiting for the write lock') resolve();
    });
  });
  const restored = service.restore('latest');
  await waiting;
  const committed = once(other, 'message');
  other.send('commit');
  const receipt = await restored.catch((error: unknown) => error);
  await committed;
  const safety = (await service.list({ kind: 'safety' })).backups.map(({ filename }) => join(directory, filename));
  const found = new Set([databaseFile, ...safety].flatMap((file) => inspect(file, keys)));
  expect([...found].sort(), JSON.stringify(receipt)).toEqual(['with a journal', 'with a log']);
});
