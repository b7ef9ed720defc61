import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Backup } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { startFixture } from '../helpers/fixture-process.js';
import { addLedger, ledgerCounters } from '../helpers/ledger.js';
import { generations, inspect, integrity } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles, storedBackups, type Workspace } from '../helpers/workspace.js';

const countRows = (file: string): unknown =>
  inspect(file, (database) => database.prepare('SELECT count(*) FROM items').pluck().get());

const fileOf = ({ directory }: Workspace, { filename }: Backup): string => join(directory, filename);

describe('a backup of a database in use', () => {
  it('has every committed row of the write-ahead log, where a plain copy of the file loses them', async () => {
    const workspace = createWorkspace({ live: { rows: 500 } });
    const { database, databaseFile, folder, service } = workspace;
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.pragma('wal_autocheckpoint = 0');
    const insert = database.prepare("INSERT INTO items (generation, filler) VALUES ('first', randomblob(200))");
    for (let row = 0; row < 300; row++) insert.run();

    const copy = join(folder, 'copy.db');
    copyFileSync(databaseFile, copy);
    const backup = await service.create();

    expect(countRows(copy)).toBe(500);
    expect(inspect(copy, integrity)).toBe('ok');
    expect(countRows(fileOf(workspace, backup))).toBe(800);
    expect(backup.tables).toEqual({ items: 800, commits: 0 });
  });

  it('is finished, and holds one moment, each of 30 times that another process commits every millisecond', async () => {
    const workspace = createWorkspace({ live: { rows: 200 }, service: { retention: { keep: 100 } } });
    addLedger(workspace.database);
    const writer = await startFixture('ledger-writer', workspace.databaseFile);
    const seen: number[] = [];
    let before = 0;
    for (let round = 0; round < 30; round++) {
      const backup = await workspace.service.create();
      const counters = inspect(fileOf(workspace, backup), ledgerCounters);
      expect(counters).toHaveLength(1);
      expect(inspect(fileOf(workspace, backup), integrity)).toBe('ok');
      seen.push(...counters);
      writer.send({ type: 'count' });
      const { commits } = await writer.next('count');
      expect(Number(commits)).toBeGreaterThan(before);
      before = Number(commits);
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBe(30);
    expect(storedBackups(workspace.directory)).toHaveLength(30);
  });

  it('does not hold what the host has not committed, and leaves its transaction, iterator and statements alone', async () => {
    const workspace = createWorkspace();
    const { database, service } = workspace;
    const insert = database.prepare("INSERT INTO items (generation, filler) VALUES ('open', x'00')");
    database.exec('BEGIN IMMEDIATE');
    insert.run();
    const duringTransaction = await service.create();
    expect(inspect(fileOf(workspace, duringTransaction), generations)).toBe('first:500');
    database.exec('COMMIT');

    const rows = database.prepare('SELECT id FROM items ORDER BY id').iterate() as IterableIterator<{ id: number }>;
    rows.next();
    const duringIteration = await service.create();
    expect([...rows]).toHaveLength(500);
    expect(inspect(fileOf(workspace, duringIteration), generations)).toBe('first:500,open:1');
    expect(insert.run().changes).toBe(1);
  });

  it('stands alone, can be read by its owner only, and is what its manifest says', async () => {
    const workspace = createWorkspace();
    const umask = process.umask(0);
    const backup = await workspace.service.create({ notes: 'before', by: 'ada' }).finally(() => process.umask(umask));
    const file = fileOf(workspace, backup);
    const bytes = readFileSync(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(workspace.directory).mode & 0o777).toBe(0o700);
    expect(bytes[18]).toBe(1);
    expect(backup).toMatchObject({
      kind: 'manual',
      status: 'completed',
      notes: 'before',
      createdBy: 'ada',
      manifest: true,
    });
    expect(backup.size).toBe(bytes.length);
    expect(backup.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    const manifest = JSON.parse(
      readFileSync(join(workspace.directory, 'metadata', backup.filename.replace('.db', '.json')), 'utf8'),
    );
    expect(manifest).toMatchObject({ filename: backup.filename, sha256: backup.sha256, source: { name: 'app.db' } });
    expect(stagedFiles(workspace.directory)).toEqual([]);
  });
});

describe('what a create says and does besides', () => {
  it.each([
    ['none', null],
    ['quick', true],
    ['full', true],
  ] as const)('with verifyOnCreate %s the verdict in the manifest is %s', async (level, ok) => {
    const { service } = createWorkspace({ service: { verifyOnCreate: level } });
    const { verification } = await service.create();
    expect(verification).toMatchObject({ level, ok, problems: [] });
    expect(verification?.at === null).toBe(ok === null);
  });

  it('removes what retention no longer wants, only after the new backup is there', async () => {
    const { service, directory } = createWorkspace({ service: { retention: { keep: 2 } } });
    const first = await service.create();
    const second = await service.create();
    const stored: string[][] = [];
    service.on('backup.created', () => stored.push(storedBackups(directory)));
    const third = await service.create();
    expect(stored[0]).toHaveLength(3);
    expect(storedBackups(directory).sort()).toEqual([second.filename, third.filename].sort());
    expect(storedBackups(directory)).not.toContain(first.filename);
  });

  it('warns of a table that lost all its rows, and of one that is gone', async () => {
    const { database, service } = createWorkspace();
    const before = await service.create();
    database.exec("DELETE FROM items; INSERT INTO commits VALUES ('k')");
    const emptied = await service.create();
    expect(emptied.warnings).toEqual([`Table items is empty; it had 500 rows in ${before.filename}.`]);
    database.exec('DROP TABLE commits');
    const dropped = await service.create();
    expect(dropped.warnings).toEqual([`Table commits is gone; it had 1 rows in ${emptied.filename}.`]);
    expect((await service.get(dropped.filename)).warnings).toEqual(dropped.warnings);
  });

  it('warns of a database without tables', async () => {
    const { database, service } = createWorkspace();
    database.exec('DROP TABLE items; DROP TABLE commits');
    expect((await service.create()).warnings).toEqual(['The database has no tables.']);
  });

  it('gives two backups of one second two names, and both verify', async () => {
    const { service, directory } = createWorkspace();
    const made = [await service.create(), await service.create(), await service.create()];
    expect(new Set(made.map(({ filename }) => filename)).size).toBe(3);
    expect(storedBackups(directory)).toHaveLength(3);
    for (const { filename } of made) expect(await service.verify(filename)).toMatchObject({ ok: true });
  });
});
