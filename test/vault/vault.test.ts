import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createVaultParts, draft } from '../helpers/vault-parts.js';

const first = 'app_backup_2026-01-08_21-00-00.db';
const second = 'app_backup_2026-01-08_21-00-00_2.db';
const third = 'app_backup_2026-01-08_21-00-00_3.db';
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('publishing', () => {
  it('puts the file under its name, private, with its manifest, and leaves nothing staged', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    const backup = await vault.publish(stage('content'), draft(), staging);
    expect(backup).toMatchObject({ filename: first, manifest: true, kind: 'manual', status: 'completed' });
    expect(readFileSync(join(directory, first), 'utf8')).toBe('content');
    expect(statSync(join(directory, first)).mode & 0o777).toBe(0o600);
    expect(
      JSON.parse(readFileSync(join(directory, 'metadata', 'app_backup_2026-01-08_21-00-00.json'), 'utf8')),
    ).toMatchObject({ version: 1, filename: first });
    expect(readdirSync(staging)).toEqual([]);
  });

  it('never overwrites: backups of one second are numbered', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    const names = await Promise.all(
      ['one', 'two', 'three'].map(async (content) => (await vault.publish(stage(content), draft(), staging)).filename),
    );
    expect(names.sort()).toEqual([first, second, third].sort());
    expect(names.map((name) => readFileSync(join(directory, name), 'utf8')).sort()).toEqual(['one', 'three', 'two']);
  });

  it('steps aside for whatever already has the name', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    symlinkSync('/etc/passwd', join(directory, first));
    mkdirSync(join(directory, second));
    expect((await vault.publish(stage('content'), draft(), staging)).filename).toBe(third);
    expect(readdirSync(join(directory, 'metadata'))).toEqual(['app_backup_2026-01-08_21-00-00_3.json']);
  });

  it('that fails leaves no manifest behind', async () => {
    const { vault, directory, staging } = createVaultParts();
    await expect(vault.publish(join(staging, 'missing'), draft(), staging)).rejects.toThrow('ENOENT');
    expect(readdirSync(join(directory, 'metadata'))).toEqual([]);
    expect(await vault.list()).toEqual([]);
  });
});

describe('listing', () => {
  it('is newest first, and by number within one millisecond', async () => {
    const { vault, staging, stage } = createVaultParts();
    for (let count = 0; count < 11; count++) await vault.publish(stage('x'), draft(), staging);
    await vault.publish(stage('x'), draft({ createdAt: '2026-01-08T20:59:59.000Z' }), staging);
    const names = (await vault.list()).map(({ filename }) => filename);
    expect(names.slice(0, 3)).toEqual([
      'app_backup_2026-01-08_21-00-00_11.db',
      'app_backup_2026-01-08_21-00-00_10.db',
      'app_backup_2026-01-08_21-00-00_9.db',
    ]);
    expect(names.slice(-2)).toEqual([first, 'app_backup_2026-01-08_20-59-59.db']);
  });

  it('tells a stray file as such and leaves out what is no regular file or has no name of a backup', async () => {
    const { vault, directory } = createVaultParts();
    writeFileSync(join(directory, 'old-copy.db'), 'stray');
    writeFileSync(join(directory, 'notes.txt'), 'text');
    symlinkSync('/etc/passwd', join(directory, 'linked.db'));
    mkdirSync(join(directory, 'folder.db'));
    expect(await vault.list()).toMatchObject([
      { filename: 'old-copy.db', manifest: false, kind: null, sha256: null, size: 5 },
    ]);
    await expect(vault.get('linked.db')).rejects.toThrow(code('backup_not_found'));
    await expect(vault.get('folder.db')).rejects.toThrow(code('backup_not_found'));
  });

  it.each([
    ['is not JSON', '{'],
    ['is of another file', JSON.stringify({ ...draft(), version: 1, filename: 'other.db', status: 'completed' })],
    ['misses a member', JSON.stringify({ version: 1, filename: first, status: 'completed' })],
  ])('tells a file as stray whose manifest %s', async (_case, manifest) => {
    const { vault, directory, staging, stage } = createVaultParts();
    await vault.publish(stage('x'), draft(), staging);
    writeFileSync(join(directory, 'metadata', 'app_backup_2026-01-08_21-00-00.json'), manifest);
    expect(await vault.list()).toMatchObject([{ filename: first, manifest: false }]);
  });
});

describe('latest', () => {
  it('is the newest completed backup that is neither a safety backup nor a stray file', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    await expect(vault.get('latest')).rejects.toThrow(code('backup_not_found'));
    await vault.publish(stage('x'), draft(), staging);
    await vault.publish(stage('x'), draft({ kind: 'safety', createdAt: '2026-01-09T00:00:00.000Z' }), staging);
    writeFileSync(join(directory, 'stray.db'), 'stray');
    expect((await vault.get('latest')).filename).toBe(first);
  });
});

describe('removing', () => {
  it('removes file and manifest and tells the bytes', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    await vault.publish(stage('content'), draft(), staging);
    expect(await vault.remove('latest')).toEqual({ filename: first, freedBytes: 7 });
    expect(readdirSync(directory).sort()).toEqual(['.state', 'metadata']);
    expect(readdirSync(join(directory, 'metadata'))).toEqual([]);
    await expect(vault.remove(first)).rejects.toThrow(code('backup_not_found'));
  });

  it('refuses a pinned backup and one that is held, until it is let go by every reader', async () => {
    const { vault, staging, stage } = createVaultParts();
    await vault.publish(stage('x'), draft({ pinned: true }), staging);
    await expect(vault.remove(first)).rejects.toThrow(code('backup_pinned'));
    await vault.update(first, (manifest) => ({ ...manifest, pinned: false }), staging);
    const letGo = [vault.hold(first), vault.hold(first)];
    letGo[0]?.();
    letGo[0]?.();
    await expect(vault.remove(first)).rejects.toThrow(code('backup_in_use'));
    letGo[1]?.();
    expect(await vault.remove(first)).toMatchObject({ filename: first });
  });
});

describe('updating', () => {
  it('keeps members that this version does not know', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    await vault.publish(stage('x'), draft(), staging);
    const file = join(directory, 'metadata', 'app_backup_2026-01-08_21-00-00.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), future: { a: 1 } }));
    expect(await vault.update(first, (manifest) => ({ ...manifest, notes: 'kept' }), staging)).toMatchObject({
      notes: 'kept',
    });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ notes: 'kept', future: { a: 1 } });
  });

  it('refuses a stray file', async () => {
    const { vault, directory, staging } = createVaultParts();
    writeFileSync(join(directory, 'stray.db'), 'stray');
    await expect(vault.update('stray.db', (manifest) => manifest, staging)).rejects.toThrow(code('backup_not_found'));
  });
});

describe('sweeping', () => {
  it('removes manifests without a file, and nothing else', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    await vault.publish(stage('x'), draft(), staging);
    await vault.publish(stage('x'), draft(), staging);
    writeFileSync(join(directory, 'stray.db'), 'stray');
    writeFileSync(join(directory, 'metadata', 'notes.txt'), 'text');
    rmSync(join(directory, second));
    await vault.sweep(() => false);
    expect(readdirSync(join(directory, 'metadata')).sort()).toEqual([
      'app_backup_2026-01-08_21-00-00.json',
      'notes.txt',
    ]);
    expect(readdirSync(directory).sort()).toEqual(['.state', first, 'metadata', 'stray.db']);
  });

  it('leaves every manifest alone while a restore may be publishing its safety backup', async () => {
    const { vault, directory, staging, stage } = createVaultParts();
    await vault.publish(stage('x'), draft(), staging);
    rmSync(join(directory, first));
    await vault.sweep(() => true);
    expect(readdirSync(join(directory, 'metadata'))).toEqual(['app_backup_2026-01-08_21-00-00.json']);
  });
});
