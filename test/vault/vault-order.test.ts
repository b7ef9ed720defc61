import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { localStorage } from '../../dist/storage/local-storage.js';
import type { Storage } from '../../dist/storage/storage.js';
import { Vault } from '../../dist/vault/vault.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { draft } from '../helpers/vault-parts.js';

const changes = ['publish', 'remove', 'writeNote', 'removeNote'] as const;
type Change = (typeof changes)[number];

/** A real storage that tells each change, and stops working from the `failAt`-th on, as a killed process does. */
function watchedVault(directory: string, failAt = Number.POSITIVE_INFINITY): { vault: Vault; order: Change[] } {
  const storage = localStorage(directory);
  const order: Change[] = [];
  const watch = (name: Change): [Change, (...inputs: never[]) => Promise<unknown>] => [
    name,
    (...inputs) => {
      if (order.length + 1 >= failAt) return Promise.reject(new Error('the process is gone'));
      order.push(name);
      return (storage[name] as (...all: never[]) => Promise<unknown>)(...inputs);
    },
  ];
  const watched = { ...storage, ...Object.fromEntries(changes.map(watch)) } as Storage;
  const naming = { prefix: 'app', extension: 'db' };
  return { vault: new Vault({ storage: watched, naming, exclusively: (change) => change() }), order };
}

function place(): { directory: string; staged: string; staging: string } {
  const directory = temporaryFolder();
  const staging = join(directory, '.state');
  mkdirSync(staging);
  const staged = join(staging, 'staged');
  writeFileSync(staged, 'content');
  return { directory, staged, staging };
}

it('the manifest is there before the file gets its name, and until the file is gone', async () => {
  const { directory, staged, staging } = place();
  const { vault, order } = watchedVault(directory);
  const { filename } = await vault.publish(staged, draft(), staging);
  await vault.remove(filename);
  expect(order).toEqual(['writeNote', 'publish', 'remove', 'removeNote']);
});

it.each([1, 2, 3, 4])(
  'a process that ends before change %i leaves a backup with its manifest or none',
  async (failAt) => {
    const { directory, staged, staging } = place();
    const { vault } = watchedVault(directory, failAt);
    const ended = vault.publish(staged, draft(), staging).then(({ filename }) => vault.remove(filename));
    await expect(ended).rejects.toThrow('the process is gone');
    const { vault: next } = watchedVault(directory);
    expect((await next.list()).map(({ manifest }) => manifest)).toEqual(failAt === 3 ? [true] : []);
    await next.sweep(() => false);
    expect(await localStorage(directory).listNotes()).toHaveLength(failAt === 3 ? 1 : 0);
  },
);

it('a fault after the file got its name fails the publication and leaves the backup with its manifest', async () => {
  const { directory, staged, staging } = place();
  const storage = localStorage(directory);
  const publish: Storage['publish'] = async (...input) => {
    await storage.publish(...input);
    throw new Error('EIO: the directory could not be synced');
  };
  const naming = { prefix: 'app', extension: 'db' };
  const vault = new Vault({ storage: { ...storage, publish }, naming, exclusively: (change) => change() });
  await expect(vault.publish(staged, draft(), staging)).rejects.toThrow('EIO');
  expect((await vault.list()).map(({ manifest }) => manifest)).toEqual([true]);
});
