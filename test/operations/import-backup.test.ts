import { copyFileSync, linkSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { isLockedForOthers, openDatabase } from '../helpers/live-database.js';
import { createWorkspace } from '../helpers/workspace.js';

const refused = { code: 'invalid_request', message: expect.stringMatching(/make a backup of it|beside it/) };

describe('an import refuses', () => {
  it('the live database, by whatever name, and its locks stay', async () => {
    const { service, database, databaseFile, folder } = createWorkspace();
    const other = join(folder, 'linked.db');
    linkSync(databaseFile, other);
    database.exec('BEGIN IMMEDIATE');
    for (const file of [databaseFile, other]) await expect(service.importFile(file)).rejects.toMatchObject(refused);
    expect(isLockedForOthers(databaseFile)).toBe(true);
    database.exec('COMMIT');
  });

  it('a database whose newest rows are in its log', async () => {
    const { service, folder } = createWorkspace();
    const other = join(folder, 'other.db');
    const open = openDatabase(other);
    await expect(service.importFile(other)).rejects.toMatchObject(refused);
    open.close();
    await expect(service.importFile(other)).resolves.toMatchObject({ kind: 'uploaded', tables: { items: 500 } });
  });

  it('a database in the middle of a transaction, and takes one that only keeps its journal', async () => {
    const { service, folder } = createWorkspace();
    const other = join(folder, 'other.db');
    const open = new Database(other);
    open.exec('PRAGMA journal_mode = PERSIST; CREATE TABLE items (id); INSERT INTO items VALUES (1)');
    open.close();
    await expect(service.importFile(other)).resolves.toMatchObject({ tables: { items: 1 } });
    copyFileSync(other, `${other}-journal`);
    await expect(service.importFile(other)).rejects.toMatchObject(refused);
  });

  it('to take away a file that was not received', async () => {
    const { service, folder } = createWorkspace();
    const file = join(folder, 'mine.db');
    writeFileSync(file, 'mine');
    await expect(service.importFile(file, { move: true })).rejects.toMatchObject({ code: 'invalid_request' });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });
});
