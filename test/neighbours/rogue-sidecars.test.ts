import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { contentBelow } from '../helpers/file-tree.js';
import { generations, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace } from '../helpers/workspace.js';

/** Opens a copy of the backup and its sidecars, as anyone with a plain sqlite3 would open the backup itself. */
function seenByAnyone(file: string): string {
  const copy = join(temporaryFolder(), 'copy.db');
  for (const suffix of ['', '-wal', '-journal'])
    if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  const database = new Database(copy);
  try {
    return generations(database);
  } finally {
    database.close();
  }
}

/** A real log that changes every row of the backup when SQLite opens it. */
function plantLog(file: string): void {
  const forge = join(temporaryFolder(), 'forge.db');
  copyFileSync(file, forge);
  const database = new Database(forge);
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 0');
  setGeneration(database, 'forged');
  copyFileSync(`${forge}-wal`, `${file}-wal`);
  database.close();
}

/** A real hot journal that rolls the rows of the backup back to others. */
function plantJournal(file: string): void {
  const forge = join(temporaryFolder(), 'forge.db');
  copyFileSync(file, forge);
  const database = new Database(forge);
  setGeneration(database, 'forged');
  database.pragma('cache_spill = ON');
  database.pragma('cache_size = 1');
  database.exec("BEGIN; UPDATE items SET generation = 'first'");
  copyFileSync(`${forge}-journal`, `${file}-journal`);
  database.exec('ROLLBACK');
  database.close();
}

describe.each([
  ['a log', '-wal', plantLog],
  ['a hot journal', '-journal', plantJournal],
])('%s that somebody put beside a backup', (_what, suffix, plant) => {
  it('replaces its content for anyone but this package, which restores and sends what was published', async () => {
    const { service, directory, database } = createWorkspace();
    const { filename } = await service.create();
    const file = join(directory, filename);
    const published = readFileSync(file);
    plant(file);
    expect(seenByAnyone(file)).not.toBe('first:500');
    expect(await service.verify(filename)).toMatchObject({ ok: false, checks: { sidecars: 'failed' } });
    const chunks: Buffer[] = [];
    for await (const chunk of await service.open(filename)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(published)).toBe(true);
    setGeneration(database, 'second');
    const before = contentBelow(directory)[`${filename}${suffix}`];
    await service.restore(filename);
    expect(generations(database)).toBe('first:500');
    expect(readFileSync(file).equals(published)).toBe(true);
    expect(contentBelow(directory)[`${filename}${suffix}`]).toBe(before);
    rmSync(file + suffix);
    expect(await service.verify(filename)).toMatchObject({ ok: true });
  });
});
