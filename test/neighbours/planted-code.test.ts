import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { inspect } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace } from '../helpers/workspace.js';

/** Code that leaves a trace in the table `fired` whenever SQLite runs it. */
const planted: [string, string][] = [
  ...['INSERT', 'UPDATE', 'DELETE'].map((event): [string, string] => [
    `a trigger after each ${event}`,
    `CREATE TRIGGER planted AFTER ${event} ON commits BEGIN INSERT INTO fired VALUES ('${event}'); END`,
  ]),
  [
    'a view that can be written to',
    `CREATE VIEW shown AS SELECT key FROM commits;
     CREATE TRIGGER planted INSTEAD OF INSERT ON shown BEGIN INSERT INTO fired VALUES ('view'); END`,
  ],
];

function hostileFile(sql: string): string {
  const file = join(temporaryFolder(), 'client.db');
  const database = new Database(file);
  database.exec(`CREATE TABLE commits (key TEXT PRIMARY KEY) WITHOUT ROWID; CREATE TABLE fired (event TEXT);
    INSERT INTO commits VALUES ('of the upload'); ${sql}`);
  database.close();
  return file;
}

const firedIn = (database: Database.Database): unknown[] => database.prepare('SELECT event FROM fired').pluck().all();

describe.each(planted)('an upload with %s', (_what, sql) => {
  it('is taken with a warning and restored only when that is accepted; nothing that the package does runs it', async () => {
    const { database, directory, service } = createWorkspace();
    const { filename, warnings } = await service.importFile(hostileFile(sql));
    expect(warnings.join()).toMatch(/planted/);
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'untrusted_objects' });
    expect(database.prepare('SELECT count(*) FROM items').pluck().get()).toBe(500);
    expect(await service.verify(filename)).toMatchObject({ ok: true });
    await service.restore(filename, { acceptNewTriggers: true });
    const later = await service.create();
    expect(await service.verify(later.filename)).toMatchObject({ ok: true });
    await service.restore(later.filename, { acceptNewTriggers: true });
    expect(firedIn(database)).toEqual([]);
    for (const name of [filename, later.filename]) expect(inspect(join(directory, name), firedIn)).toEqual([]);
  });
});

it('a trigger that was accepted does what it does when the application writes, and not before', async () => {
  const { database, service } = createWorkspace();
  const { filename } = await service.importFile(hostileFile(planted[0]?.[1] ?? ''));
  await service.restore(filename, { acceptNewTriggers: true });
  expect(firedIn(database)).toEqual([]);
  database.exec("INSERT INTO commits VALUES ('of the application')");
  expect(firedIn(database)).toEqual(['INSERT']);
});
