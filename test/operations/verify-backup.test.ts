import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Backup } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { verifyFile } from '../../dist/engines/sqlite/child/verify/verify-file.js';
import { flipBit } from '../helpers/damage.js';
import { taskContext } from '../helpers/task-context.js';
import { createWorkspace, stagedFiles, type Workspace } from '../helpers/workspace.js';

interface Stored extends Workspace {
  readonly backup: Backup;
  readonly file: string;
  readonly manifestFile: string;
}

async function createStored(): Promise<Stored> {
  const workspace = createWorkspace();
  const backup = await workspace.service.create();
  const file = join(workspace.directory, backup.filename);
  const manifestFile = join(workspace.directory, 'metadata', backup.filename.replace(/\.db$/, '.json'));
  return { ...workspace, backup, file, manifestFile };
}

/** The same positions in every run, spread over the whole file. */
function positions(size: number, count: number): { position: number; bit: number }[] {
  return Array.from({ length: count }, (_, index) => ({
    position: Math.floor(((index + 0.5) * size) / count),
    bit: (index * 5) % 8,
  }));
}

describe('a backup whose bytes are not the published ones', () => {
  it('is not ok for any of 400 single flipped bits', async () => {
    const { backup, file, manifestFile } = await createStored();
    const { source, ...manifest } = JSON.parse(readFileSync(manifestFile, 'utf8'));
    const expected = { ...manifest, schemaSha256: source.schemaSha256 };
    const context = taskContext();
    const missed: number[] = [];
    for (const { position, bit } of positions(backup.size, 400)) {
      flipBit(file, position, bit);
      if ((await verifyFile({ file, level: 'quick', expected }, context)).ok) missed.push(position);
      flipBit(file, position, bit);
    }
    expect(missed).toEqual([]);
    expect(await verifyFile({ file, level: 'full', expected }, context)).toMatchObject({ ok: true, problems: [] });
  });

  it('is not ok for 20 of them through the service, whose verdict goes into the manifest', async () => {
    const { backup, file, service } = await createStored();
    for (const { position, bit } of positions(backup.size, 20)) {
      flipBit(file, position, bit);
      const outcome = await service.verify(backup.filename, { level: 'quick' });
      expect(outcome).toMatchObject({ ok: false, level: 'quick', checks: { sha256: 'failed' } });
      expect((await service.get(backup.filename)).verification).toMatchObject({
        ok: false,
        problems: outcome.problems,
      });
      flipBit(file, position, bit);
    }
    expect(await service.verify(backup.filename)).toMatchObject({ ok: true, level: 'full', problems: [] });
    expect((await service.get(backup.filename)).verification).toMatchObject({ ok: true, level: 'full', problems: [] });
  });

  it.each<[string, (file: string, size: number) => void, string]>([
    ['truncated by 1 byte', (file, size) => truncateSync(file, size - 1), 'size'],
    ['truncated by 1 page', (file, size) => truncateSync(file, size - 4096), 'size'],
    ['truncated to nothing', (file) => truncateSync(file, 0), 'size'],
    ['with garbage appended', (file) => appendFileSync(file, Buffer.alloc(8192, 0x41)), 'size'],
    ['with a log beside it', (file) => writeFileSync(`${file}-wal`, 'rogue'), 'sidecars'],
    ['with a journal beside it', (file) => writeFileSync(`${file}-journal`, 'rogue'), 'sidecars'],
    ['with a shared memory beside it', (file) => writeFileSync(`${file}-shm`, 'rogue'), 'sidecars'],
  ])('is not ok when it is %s, and nothing is repaired or removed', async (_name, damage, check) => {
    const { backup, directory, file, service } = await createStored();
    damage(file, backup.size);
    const before = { names: readdirSync(directory), bytes: readFileSync(file) };
    const outcome = await service.verify(backup.filename);
    expect(outcome).toMatchObject({ ok: false, checks: { [check]: 'failed' } });
    expect(outcome.problems).toHaveLength(1);
    expect(readdirSync(directory)).toEqual(before.names);
    expect(readFileSync(file).equals(before.bytes)).toBe(true);
  });
});

describe('a backup whose manifest is not its own', () => {
  type Change = (manifestFile: string, stored: Stored) => void;
  const edit =
    (change: object): Change =>
    (manifestFile) =>
      writeFileSync(manifestFile, JSON.stringify({ ...JSON.parse(readFileSync(manifestFile, 'utf8')), ...change }));
  it.each<[string, Change]>([
    ['missing', (manifestFile) => rmSync(manifestFile)],
    ['no JSON', (manifestFile) => writeFileSync(manifestFile, '{"version": 1')],
    ['that of another file', edit({ filename: 'app_backup_2020-01-01_00-00-00.db' })],
    ['one with another SHA-256', edit({ sha256: 'f'.repeat(64) })],
    ['one with another size', edit({ size: 4096 })],
    ['one with another number of rows', edit({ tables: { items: 501, commits: 0 } })],
    ['one with another table', edit({ tables: { items: 500, commits: 0, users: 3 } })],
  ])('is not ok when the manifest is %s', async (_name, change) => {
    const stored = await createStored();
    change(stored.manifestFile, stored);
    const outcome = await stored.service.verify(stored.backup.filename);
    expect(outcome.ok).toBe(false);
    expect(outcome.problems).not.toEqual([]);
  });
});

describe('a verification', () => {
  it('leaves no file beside the backup, and neither its bytes nor its time change', async () => {
    const { backup, directory, file, service } = await createStored();
    const before = { names: readdirSync(directory), bytes: readFileSync(file), mtimeMs: statSync(file).mtimeMs };
    const names: string[][] = [];
    service.on('operation', () => names.push(readdirSync(directory)));
    for (const level of ['quick', 'full'] as const) {
      expect(await service.verify(backup.filename, { level })).toMatchObject({ ok: true, level });
    }
    expect(names.length).toBeGreaterThan(4);
    for (const seen of names) expect(seen).toEqual(before.names);
    expect(readFileSync(file).equals(before.bytes)).toBe(true);
    expect(statSync(file).mtimeMs).toBe(before.mtimeMs);
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('says of rows that refer to missing rows that they are a warning, and the backup is ok', async () => {
    const { database, service } = createWorkspace();
    database.pragma('foreign_keys = OFF');
    database.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER REFERENCES items (id));
      INSERT INTO orders (item) VALUES (999001), (999002), (1)`);
    const { filename } = await service.create();
    const outcome = await service.verify(filename);
    expect(outcome).toMatchObject({
      ok: true,
      problems: [],
      checks: { foreign_keys: 'warning', integrity_check: 'passed' },
    });
    expect(outcome.warnings).toEqual(['2 rows refer to missing rows: orders -> items.']);
  });

  it('of a backup that is deleted meanwhile is backup_not_found, not a verdict on nothing', async () => {
    const { backup, file, service } = await createStored();
    service.on('operation', ({ phase }) => phase === 'hashing' && rmSync(file, { force: true }));
    await expect(service.verify(backup.filename)).rejects.toMatchObject({ code: 'backup_not_found' });
    expect(existsSync(file)).toBe(false);
  });

  it.each(['app_backup_2020-01-01_00-00-00.db', 'latest'])(
    'of %s in an empty vault is backup_not_found',
    async (name) => {
      const { service } = createWorkspace();
      await expect(service.verify(name)).rejects.toMatchObject({ code: 'backup_not_found' });
    },
  );

  it('may run beside a create, which it does not keep from its lock', async () => {
    const { backup, service } = await createStored();
    const [outcome, made] = await Promise.all([service.verify(backup.filename), service.create()]);
    expect(outcome).toMatchObject({ ok: true });
    expect(made).toMatchObject({ status: 'completed' });
  });

  it('of a published file that was replaced by another sound database is not ok', async () => {
    const { backup, file, service } = await createStored();
    const database = new Database(file);
    database.exec("UPDATE items SET generation = 'wrong' WHERE id = 1");
    database.close();
    expect(await service.verify(backup.filename)).toMatchObject({ ok: false, checks: { sha256: 'failed' } });
  });
});
