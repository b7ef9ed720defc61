import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { integrity } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService } from '../helpers/workspace.js';

const MiB = 1024 ** 2;

/** Beyond 1 GiB lies the page that SQLite never writes to; beyond 2 GiB what does not fit 31 bits, nor one memory map. */
it.each([
  { size: 1_056 * MiB, wal: false },
  { size: 2_112 * MiB, wal: true },
])(
  'a live database of $size bytes (write-ahead log: $wal) is backed up, verified and restored',
  async ({ size, wal }) => {
    const folder = temporaryFolder();
    const database = fill(`${folder}/app.db`, size, wal);
    const { service } = openService({ database: database.name, directory: `${folder}/backups` });
    expect(statSync(database.name).size).toBeGreaterThan(size);
    const created = await service.create();
    expect(created).toMatchObject({ size: statSync(database.name).size, verification: { ok: true } });
    expect(await service.verify(created.filename)).toMatchObject({ ok: true, problems: [] });
    database.exec("INSERT INTO ends VALUES ('acknowledged'); DELETE FROM blobs WHERE id % 2 = 0");
    const { safetyBackup, tables } = await service.restore(created.filename);
    expect(tables).toMatchObject({ ends: { before: 2, after: 1 } });
    expect(database.prepare('SELECT count(*), sum(length(content)) FROM blobs').raw().get()).toEqual([
      size / (16 * MiB),
      size,
    ]);
    expect(database.prepare('SELECT name FROM ends').pluck().all()).toEqual(['last']);
    expect(integrity(database)).toBe('ok');
    expect(await service.verify(safetyBackup, { level: 'quick' })).toMatchObject({ ok: true });
  },
  240_000,
);

function fill(file: string, size: number, wal: boolean): Database.Database {
  const database = new Database(file);
  onTestFinished(() => void database.close());
  database.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF');
  database.exec('CREATE TABLE blobs (id INTEGER PRIMARY KEY, content BLOB); CREATE TABLE ends (name TEXT)');
  const insert = database.prepare('INSERT INTO blobs (content) VALUES (zeroblob(?))');
  for (let filled = 0; filled < size; filled += 16 * MiB) insert.run(16 * MiB);
  database.exec("INSERT INTO ends VALUES ('last')");
  database.pragma(`journal_mode = ${wal ? 'WAL' : 'DELETE'}`);
  return database;
}
