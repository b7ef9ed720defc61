import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { generations, inspect, integrity, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles, type Workspace, type WorkspaceOptions } from '../helpers/workspace.js';

interface Restorable extends Workspace {
  /** Holds the generation `first`; live now has `second`. */
  readonly filename: string;
}

async function createRestorable(options?: WorkspaceOptions): Promise<Restorable> {
  const workspace = createWorkspace(options);
  const { filename } = await workspace.service.create();
  setGeneration(workspace.database, 'second');
  return { ...workspace, filename };
}

function openAnother(file: string): Database.Database {
  const database = new Database(file);
  onTestFinished(() => void database.close());
  return database;
}

const safetyGeneration = ({ directory }: Workspace, safetyBackup: string): string =>
  inspect(join(directory, safetyBackup), generations);

describe('a restore beside a host that goes on', () => {
  it('shows the old rows in statements prepared before, and keeps the replaced rows in a safety backup', async () => {
    const workspace = await createRestorable();
    const { database, directory, filename, service } = workspace;
    const byGeneration = database.prepare('SELECT count(*) FROM items WHERE generation = ?').pluck();
    const insert = database.prepare('INSERT INTO commits VALUES (?)');
    expect(byGeneration.get('second')).toBe(500);
    insert.run('before');

    const receipt = await service.restore(filename, { by: 'ada' });

    expect(receipt).toMatchObject({
      restored: filename,
      checkpointPending: false,
      restartRequired: false,
      warnings: [],
    });
    expect(receipt.tables).toEqual({ commits: { before: 1, after: 0 }, items: { before: 500, after: 500 } });
    expect(Object.values(receipt.checks)).not.toContain('failed');
    expect([byGeneration.get('first'), byGeneration.get('second')]).toEqual([500, 0]);
    expect(insert.run('after').changes).toBe(1);
    expect(integrity(database)).toBe('ok');
    expect(safetyGeneration(workspace, receipt.safetyBackup)).toBe('second:500');
    expect(await service.get(receipt.safetyBackup)).toMatchObject({
      kind: 'safety',
      createdBy: 'ada',
      verification: { ok: true },
    });
    expect(await service.verify(receipt.safetyBackup)).toMatchObject({ ok: true });
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('is on the disk when it answers: the log is empty and the file alone has the old rows', async () => {
    const { databaseFile, filename, folder, service } = await createRestorable();
    await service.restore(filename);
    // Another process copies: this one must not open the live file beside SQLite.
    execFileSync('cp', [databaseFile, join(folder, 'alone.db')]);
    expect(inspect(join(folder, 'alone.db'), generations)).toBe('first:500');
  });

  it('leaves an open iterator of the host its own snapshot, to its last row', async () => {
    const { database, filename, service } = await createRestorable();
    const reader = openAnother(database.name);
    const rows = reader.prepare('SELECT generation FROM items').pluck().iterate() as IterableIterator<string>;
    expect(rows.next().value).toBe('second');
    await service.restore(filename);
    const rest = [...rows];
    expect(rest).toHaveLength(499);
    expect(new Set(rest)).toEqual(new Set(['second']));
    expect(generations(reader)).toBe('first:500');
    expect(generations(database)).toBe('first:500');
  });

  it('succeeds beside a long reader, which keeps its snapshot, and says that the checkpoint is pending', async () => {
    const { database, filename, service } = await createRestorable();
    const reader = openAnother(database.name);
    reader.exec('BEGIN');
    expect(generations(reader)).toBe('second:500');
    expect(await service.restore(filename)).toMatchObject({ checkpointPending: true });
    expect(generations(reader)).toBe('second:500');
    reader.exec('COMMIT');
    expect(generations(reader)).toBe('first:500');
  });

  it('is database_busy when another connection keeps the write lock past restoreWaitMs, and live is unchanged', async () => {
    const { database, directory, filename, service } = await createRestorable({
      service: { limits: { restoreWaitMs: 300 } },
    });
    const writer = openAnother(database.name);
    writer.exec("BEGIN IMMEDIATE; INSERT INTO commits VALUES ('held')");
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'database_busy' });
    writer.exec('COMMIT');
    expect(generations(database)).toBe('second:500');
    expect(database.prepare('SELECT key FROM commits').pluck().all()).toEqual(['held']);
    expect((await service.list({ kind: 'safety' })).total).toBe(0);
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('waits for a writer that commits in time, and the safety backup has what it committed', async () => {
    const workspace = await createRestorable();
    const { database, directory, filename, service } = workspace;
    const writer = openAnother(database.name);
    writer.exec("BEGIN IMMEDIATE; INSERT INTO commits VALUES ('late')");
    const waiting = new Promise<void>((resolve) => {
      service.on('operation', ({ phase }) => phase === 'waiting for the write lock' && resolve());
    });
    const run = service.restore(filename);
    await waiting;
    writer.exec('COMMIT');
    const { safetyBackup } = await run;
    const kept = inspect(join(directory, safetyBackup), (safety) =>
      safety.prepare('SELECT key FROM commits').pluck().all(),
    );
    expect(kept).toEqual(['late']);
    expect(generations(database)).toBe('first:500');
  });

  it('brings back the rows of a live database with a rollback journal, which stays one', async () => {
    const workspace = await createRestorable({ live: { wal: false } });
    const { database, databaseFile, filename, service } = workspace;
    const { safetyBackup } = await service.restore(filename);
    expect(generations(database)).toBe('first:500');
    expect(integrity(database)).toBe('ok');
    expect(safetyGeneration(workspace, safetyBackup)).toBe('second:500');
    expect(inspect(databaseFile, (live) => live.pragma('journal_mode', { simple: true }))).toBe('delete');
  });

  it('leaves the source as it was, and restores the newest backup when `latest` is asked for', async () => {
    const { database, directory, filename, service } = await createRestorable();
    const bytes = readFileSync(join(directory, filename));
    expect(await service.restore('latest')).toMatchObject({ restored: filename });
    expect(readFileSync(join(directory, filename)).equals(bytes)).toBe(true);
    expect(generations(database)).toBe('first:500');
  });

  it('is operation_in_progress while another one runs, which says what, by whom and since when', async () => {
    const { filename, service } = await createRestorable();
    const first = service.restore(filename, { by: 'ada' });
    const { startedAt } = await first.started;
    const refused = {
      code: 'operation_in_progress',
      facts: { operation: { type: 'restore', startedBy: 'ada', startedAt } },
    };
    await expect(service.restore(filename)).rejects.toMatchObject(refused);
    await expect(service.create()).rejects.toMatchObject(refused);
    await expect(service.cleanup()).rejects.toMatchObject(refused);
    await expect(service.remove(filename)).rejects.toMatchObject(refused);
    await expect(first).resolves.toMatchObject({ restored: filename });
  });

  it.each(['staging', 'waiting for the write lock', 'securing', 'replacing'])(
    'an abort in the phase %j is cancelled with all old rows, or came too late and all are restored',
    async (at) => {
      const { database, directory, filename, service } = await createRestorable({ live: { rows: 20_000 } });
      const controller = new AbortController();
      service.on('operation', ({ phase }) => phase === at && controller.abort());
      const code = await service.restore(filename, { signal: controller.signal }).then(
        () => 'restored',
        (error: { code: string }) => error.code,
      );
      expect([generations(database), code]).toEqual(
        code === 'restored' ? ['first:20000', 'restored'] : ['second:20000', 'operation_cancelled'],
      );
      expect(integrity(database)).toBe('ok');
      expect(stagedFiles(directory)).toEqual([]);
      for (const { manifest } of (await service.list()).backups) expect(manifest).toBe(true);
    },
  );

  it('an abort while it waits for the write lock leaves live as it was and nothing staged', async () => {
    const { database, directory, filename, service } = await createRestorable();
    const writer = openAnother(database.name);
    writer.exec('BEGIN IMMEDIATE');
    const controller = new AbortController();
    service.on('operation', ({ phase }) => phase === 'waiting for the write lock' && controller.abort());
    await expect(service.restore(filename, { signal: controller.signal })).rejects.toMatchObject({
      code: 'operation_cancelled',
    });
    writer.exec('COMMIT');
    expect(generations(database)).toBe('second:500');
    expect(stagedFiles(directory)).toEqual([]);
  });
});
