import { cpSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { FileLock } from '../../dist/coordination/file-lock.js';
import { startFixture } from '../helpers/fixture-process.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The package once more, with a better-sqlite3 of its own, as two versions of it in one application have. */
async function secondCopy(): Promise<typeof FileLock> {
  const folder = temporaryFolder();
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const name of ['better-sqlite3', 'bindings', 'file-uri-to-path']) {
    const from = realpathSync(join(root, 'node_modules', name));
    cpSync(from, join(folder, 'node_modules', name), {
      recursive: true,
      filter: (path) => !/better-sqlite3\/(deps|src|build\/(deps|Release\/obj))(\/|$)/.test(path),
    });
  }
  const module = pathToFileURL(join(folder, 'dist', 'coordination', 'file-lock.js')).href;
  return ((await import(module)) as { FileLock: typeof FileLock }).FileLock;
}

it('a second copy of the package in one process finds a lock held, and does not drop it by asking', async () => {
  const OtherLock = await secondCopy();
  expect(OtherLock).not.toBe(FileLock);
  const file = join(temporaryFolder(), 'operation.lock');
  const mine = new FileLock(file);
  expect(mine.tryAcquire()).toBe(true);
  const theirs = new OtherLock(file);
  expect([theirs.tryAcquire({ alone: true }), theirs.tryAcquire({ create: false })]).toEqual([false, false]);
  theirs.release();
  await expect(startFixture('hold-lock', file)).rejects.toThrow('SQLITE_BUSY');
  mine.release();
  expect(theirs.tryAcquire({ alone: true })).toBe(true);
  expect(mine.tryAcquire()).toBe(false);
  theirs.release();
  await startFixture('hold-lock', file);
});
