import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '../../dist/vault/backup.js';
import { startFixture } from '../helpers/fixture-process.js';
import { draft } from '../helpers/vault-parts.js';
import { type WatchedVault, watchVault } from '../helpers/watched-storage.js';
import { createWorkspace } from '../helpers/workspace.js';

const first = 'app_backup_2026-01-08_21-00-00.db';
const second = 'app_backup_2026-01-08_21-00-00_2.db';
const stray = 'stray.db';
/** A time that can be put back exactly. */
const longAgo = new Date('2020-01-01T00:00:00Z');

interface Place {
  readonly directory: string;
  readonly manifest: (filename: string) => string;
}

const rewrite = (file: string, from: string, to: string): string => readFileSync(file, 'utf8').replace(from, to);
const told = (backups: readonly Backup[]): string[] =>
  backups.map(({ filename, manifest, notes, size }) => `${filename} ${manifest ? notes : `stray of ${size}`}`).sort();
const before = [`${first} aaa`, `${second} aaa`, `${stray} stray of 5`];
const without = (line: number): string[] => before.filter((_line, index) => index !== line);

/** What people and programs do to the files of a vault; each keeps the size of the manifest where it can. */
const changes: [string, (place: Place) => void, string[]][] = [
  [
    'a manifest edited in its place, its time put back',
    ({ manifest }) => {
      writeFileSync(manifest(first), rewrite(manifest(first), 'aaa', 'bbb'));
      utimesSync(manifest(first), longAgo, longAgo);
    },
    [`${first} bbb`, ...without(0)],
  ],
  [
    'a manifest replaced by another file of the same size and time',
    ({ directory, manifest }) => {
      const other = join(directory, 'other');
      writeFileSync(other, rewrite(manifest(first), 'aaa', 'bbb'));
      utimesSync(other, longAgo, longAgo);
      renameSync(other, manifest(first));
    },
    [`${first} bbb`, ...without(0)],
  ],
  [
    'a manifest with that of another backup in its place',
    ({ manifest }) => copyFileSync(manifest(second), manifest(first)),
    [`${first} stray of 7`, ...without(0)],
  ],
  [
    'a manifest cut to nothing',
    ({ manifest }) => writeFileSync(manifest(first), ''),
    [`${first} stray of 7`, ...without(0)],
  ],
  ['a manifest that was deleted', ({ manifest }) => rmSync(manifest(first)), [`${first} stray of 7`, ...without(0)]],
  [
    'a manifest swapped for a link',
    ({ directory, manifest }) => {
      renameSync(manifest(first), join(directory, 'moved'));
      symlinkSync(join(directory, 'moved'), manifest(first));
    },
    [`${first} stray of 7`, ...without(0)],
  ],
  ['a backup that was deleted', ({ directory }) => rmSync(join(directory, first)), without(0)],
  [
    'a backup swapped for a link',
    ({ directory }) => {
      renameSync(join(directory, first), join(directory, 'moved'));
      symlinkSync(join(directory, 'moved'), join(directory, first));
    },
    without(0),
  ],
  [
    'a backup swapped for a directory',
    ({ directory }) => {
      rmSync(join(directory, first));
      mkdirSync(join(directory, first));
    },
    without(0),
  ],
  [
    'a stray file that came',
    ({ directory }) => writeFileSync(join(directory, 'z.db'), ''),
    [...before, 'z.db stray of 0'],
  ],
  [
    'a stray file that grew',
    ({ directory }) => appendFileSync(join(directory, stray), 'x'),
    [...without(2), `${stray} stray of 6`],
  ],
  ['a stray file that went', ({ directory }) => rmSync(join(directory, stray)), without(2)],
];

describe('a list that remembers shows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'express-db-backup-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const vaults = changes.map((_change, index) => watchVault(join(folder, `${index}`)));

  /** All of them at once, because each must be left alone for seconds before it is remembered. */
  beforeAll(async () => {
    const publish = async ({ vault, directory }: WatchedVault): Promise<void> => {
      const staged = join(directory, '.state', 'staged');
      mkdirSync(join(directory, '.state'), { recursive: true });
      for (let count = 0; count < 2; count++) {
        writeFileSync(staged, 'content');
        await vault.publish(staged, draft({ notes: 'aaa' }), join(directory, '.state'));
      }
      writeFileSync(join(directory, stray), 'stray');
      utimesSync(join(directory, 'metadata', first.replace('.db', '.json')), longAgo, longAgo);
    };
    await Promise.all(vaults.map(publish));
    for (const { settled } of vaults) await settled();
  });

  it.each(changes.map((change, index) => [...change, index] as const))('%s', async (_what, change, expected, index) => {
    const { vault, directory, reads } = vaults[index] as WatchedVault;
    expect(told(await vault.list())).toEqual(before);
    reads();
    expect(told(await vault.list())).toEqual(before);
    expect(reads()).toEqual({ manifests: 0, directories: 0 });
    change({ directory, manifest: (name) => join(directory, 'metadata', name.replace('.db', '.json')) });
    expect(told(await vault.list())).toEqual([...expected].sort());
  });
});

it('what another process creates, changes, verifies and removes is in the next list, and in latest', async () => {
  const { folder, directory, service } = createWorkspace({ service: { verifyOnCreate: 'none' } });
  await service.start();
  const other = await startFixture('app', folder);
  const remembered = async (): Promise<void> => {
    await watchVault(directory).settled();
    await service.list();
  };
  const tell = async (verb: string, ...parameters: unknown[]): Promise<unknown> => {
    other.send({ type: 'call', verb, parameters });
    return (await other.next('done')).value;
  };
  const { filename } = (await tell('create')) as Backup;
  expect(await service.list()).toMatchObject({ total: 1, backups: [{ filename, notes: null, pinned: false }] });
  expect(await service.get('latest')).toMatchObject({ filename });
  await remembered();
  await tell('update', filename, { notes: 'kept', pinned: true });
  expect(await service.list()).toMatchObject({ backups: [{ notes: 'kept', pinned: true }] });
  await tell('verify', filename);
  expect(await service.list()).toMatchObject({ backups: [{ verification: { level: 'full', ok: true } }] });
  await tell('update', filename, { pinned: false });
  await remembered();
  await tell('remove', filename);
  expect(await service.list()).toMatchObject({ total: 0 });
  expect(await service.stats()).toMatchObject({ totalBackups: 0, newest: null });
  await expect(service.get('latest')).rejects.toMatchObject({ code: 'backup_not_found' });
});
