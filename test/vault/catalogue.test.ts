import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Backup } from '../../dist/vault/backup.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createVaultParts, draft } from '../helpers/vault-parts.js';
import { watchVault } from '../helpers/watched-storage.js';

/** More than a vault may have for every manifest to be looked at by each list. */
const many = 1_100;
const nameOf = (index: number): string =>
  `app_backup_${new Date(Date.UTC(2020, 0, 1, 0, 0, index)).toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-')}.db`;

function writeManifest(directory: string, filename: string, notes: string): void {
  const manifest = { ...draft({ notes }), version: 1, filename, status: 'completed' };
  writeFileSync(join(directory, 'metadata', filename.replace('.db', '.json')), JSON.stringify(manifest));
}

function filledVault(count: number, notes = 'first'): string {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'metadata'));
  for (let index = 0; index < count; index++) {
    writeFileSync(join(directory, nameOf(index)), 'content');
    writeManifest(directory, nameOf(index), notes);
  }
  return directory;
}

it('manifests that nobody changed are read once', async () => {
  const { vault, reads, settled } = watchVault(filledVault(20));
  await settled();
  const first = await vault.list();
  expect(reads()).toEqual({ manifests: 20, directories: 1 });
  expect(await vault.list()).toEqual(first);
  expect(reads()).toEqual({ manifests: 0, directories: 0 });
});

it('of many lists at once few look, and each shows what was published before it was asked for', async () => {
  const { vault, directory, staging, stage } = createVaultParts();
  await vault.publish(stage('x'), draft(), staging);
  const late: Promise<readonly Backup[]>[] = [];
  const publishOnce = async (): Promise<void> => {
    if (late.length > 0) return;
    await vault.publish(stage('x'), draft({ notes: 'second' }), staging);
    late.push(...Array.from({ length: 50 }, () => watched.list()));
  };
  const { vault: watched, reads } = watchVault(directory, publishOnce);
  await Promise.all(Array.from({ length: 50 }, () => watched.list()));
  expect(late).toHaveLength(50);
  for (const backups of await Promise.all(late)) expect(backups).toHaveLength(2);
  expect(reads().directories).toBe(2);
});

it('of 300 changes of one length, each is shown by the next list, however short the time between', async () => {
  const directory = filledVault(1);
  const { vault } = watchVault(directory);
  for (let change = 100; change < 400; change++) {
    writeManifest(directory, nameOf(0), `${change}`);
    expect((await vault.list()).map(({ notes }) => notes)).toEqual([`${change}`]);
  }
});

it('what was listed cannot be changed by whoever got it', async () => {
  const { vault } = watchVault(filledVault(1));
  const [backup] = await vault.list();
  const intrude = backup as unknown as { tables: Record<string, number>; verification: { ok: boolean } };
  expect(() => Object.assign(intrude.tables, { items: 0 })).toThrow(TypeError);
  expect(() => Object.assign(intrude.verification, { ok: false })).toThrow(TypeError);
  expect(() => Object.assign(intrude, { filename: 'x' })).toThrow(TypeError);
});

it('a list that fails does not keep the next from succeeding', async () => {
  const directory = join(temporaryFolder(), 'later');
  const { vault } = watchVault(directory);
  await expect(vault.list()).rejects.toThrow('ENOENT');
  mkdirSync(directory);
  expect(await vault.list()).toEqual([]);
});

it('manifests that are too large in sum are not kept in memory', async () => {
  const { vault, reads, settled } = watchVault(filledVault(5, 'x'.repeat(14 * 1024 * 1024)));
  await settled();
  await vault.list();
  reads();
  await vault.list();
  expect(reads().manifests).toBe(5);
});

it(`in a vault of ${many} a list reads nothing while nothing changes, and what comes and goes is seen at once`, async () => {
  const directory = filledVault(many);
  const { vault, reads, settled } = watchVault(directory);
  await settled();
  await vault.list();
  reads();
  expect(await vault.list()).toHaveLength(many);
  expect(reads()).toEqual({ manifests: 0, directories: 0 });
  const staging = temporaryFolder();
  const staged = join(staging, 'staged');
  writeFileSync(staged, 'content');
  const { filename } = await watchVault(directory).vault.publish(staged, draft(), staging);
  expect((await vault.list())[0]).toMatchObject({ filename });
  await watchVault(directory).vault.remove(nameOf(7));
  const names = (await vault.list()).map((backup) => backup.filename);
  expect(names).toHaveLength(many);
  expect(names).not.toContain(nameOf(7));
  expect(reads().manifests).toBeLessThan(5);
});

it(`in a vault of ${many} a manifest edited in its place is read at once by its name, and listed before long`, async () => {
  const directory = filledVault(many);
  const { vault, settled } = watchVault(directory);
  await settled();
  await vault.list();
  writeManifest(directory, nameOf(7), 'other');
  expect(await vault.get(nameOf(7))).toMatchObject({ notes: 'other' });
  expect((await vault.manifest(nameOf(7))).manifest).toMatchObject({ notes: 'other' });
  const listed = async () => (await vault.list()).find(({ filename }) => filename === nameOf(7))?.notes;
  await expect.poll(listed, { timeout: 4_000 }).toBe('other');
});
