import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Backup } from '../../dist/vault/backup.js';
import { startFixture } from '../helpers/fixture-process.js';
import { createDatabase, openAgain } from '../helpers/live-database.js';
import { secondBetterSqlite3 } from '../helpers/second-copy.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

async function startApp(wal: boolean) {
  const folder = temporaryFolder();
  const live = join(folder, 'app.db');
  createDatabase(live, { wal, rows: 300 }).close();
  const app = await startFixture('two-copies', folder, secondBetterSqlite3());
  const call = async (verb: string, ...parameters: unknown[]): Promise<unknown> => {
    app.send({ type: 'call', verb, parameters });
    const { value, code } = await app.next('done');
    return code ?? value;
  };
  /** Whether another process is kept out, as the open transaction of the application promises. */
  const isLocked = (): boolean => {
    const other = openAgain(live);
    other.pragma('busy_timeout = 0');
    try {
      other.exec('BEGIN IMMEDIATE; ROLLBACK');
      return false;
    } catch {
      return true;
    } finally {
      other.close();
    }
  };
  return { folder, call, isLocked };
}

describe.each([
  ['a write-ahead log', true],
  ['a rollback journal', false],
])('an application with a better-sqlite3 of its own beside that of the package, and %s,', (_mode, wal) => {
  it('keeps its write lock through every operation, and sees what a restore brings back', async () => {
    const { call, isLocked, folder } = await startApp(wal);
    expect(await call('areDistinct')).toBe(true);
    const { filename } = (await call('create')) as Backup;
    await call('begin');
    expect(isLocked()).toBe(true);
    expect(await call('create')).toMatchObject({ status: 'completed' });
    expect(await call('list')).toMatchObject({ total: 2 });
    expect(await call('verify', filename)).toMatchObject({ ok: true });
    expect(await call('importFile', join(folder, 'backups', filename))).toMatchObject({ kind: 'uploaded' });
    expect(await call('cleanup')).toMatchObject({ failed: [] });
    expect(await call('stats')).toMatchObject({ totalBackups: 3 });
    expect(isLocked()).toBe(true);
    await call('commit');
    expect(isLocked()).toBe(false);
    expect(await call('restore', filename)).toMatchObject({ restored: filename });
    expect(await call('rows')).toBe(300);
  });
});

it('a single read of the live file in the same process would have lost that lock', async () => {
  const { call, isLocked } = await startApp(false);
  await call('begin');
  expect(isLocked()).toBe(true);
  await call('peek');
  expect(isLocked()).toBe(false);
});
