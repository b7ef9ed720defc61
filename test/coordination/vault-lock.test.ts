import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileLock } from '../../dist/coordination/file-lock.js';
import { createVaultLock } from '../../dist/coordination/vault-lock.js';
import { startFixture } from '../helpers/fixture-process.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

it('changes of one process run one after the other, also after one that failed', async () => {
  const exclusively = createVaultLock(temporaryFolder());
  const order: string[] = [];
  const change = (name: string, fails = false) =>
    exclusively(async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const outcomes = await Promise.allSettled([change('first'), change('second', true), change('third')]);
  expect(order).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('a change waits for another process that has the lock, and goes on at once when that one is killed', async () => {
  const state = temporaryFolder();
  const holder = await startFixture('hold-lock', join(state, 'vault.lock'));
  let changed = false;
  const change = createVaultLock(state)(async () => {
    changed = true;
  });
  expect(await new FileLock(join(state, 'vault.lock')).acquire(50)).toBe(false);
  expect(changed).toBe(false);
  await holder.kill();
  await change;
  expect(changed).toBe(true);
});

it('a lock that was released can be taken again, and one taken alone is refused while another holds it shared', async () => {
  const file = join(temporaryFolder(), 'some.lock');
  const [first, second] = [new FileLock(file), new FileLock(file)];
  expect(first.tryAcquire()).toBe(true);
  expect(second.tryAcquire()).toBe(false);
  first.release();
  expect(second.tryAcquire({ alone: true })).toBe(true);
  second.release();
  const sharer = await startFixture('hold-lock', file, 'shared');
  expect(first.tryAcquire({ alone: true })).toBe(false);
  expect(first.tryAcquire()).toBe(true);
  first.release();
  await sharer.kill();
  expect(first.tryAcquire({ alone: true })).toBe(true);
  first.release();
});
