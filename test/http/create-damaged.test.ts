import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bodyOf, createdSchema, listSchema, problemOf } from '../helpers/contract.js';
import { permissionsBelow } from '../helpers/file-tree.js';
import { call, createOne, type HttpApp, startApp } from '../helpers/http-app.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

const damages: [string, (file: string) => void][] = [
  ['has 0 bytes', (file) => truncateSync(file, 0)],
  ['begins with something else', (file) => overwrite(file, 0, Buffer.from('an encrypted one'))],
  ['is random from its first byte on', (file) => writeFileSync(file, Buffer.alloc(8192, 0xa5))],
  ['has a page overwritten', (file) => overwrite(file, 3 * 4096, Buffer.alloc(4096, 0xff))],
  ['lost its last pages', (file) => truncateSync(file, 4096 * 10)],
];

function overwrite(file: string, offset: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, offset);
  writeFileSync(file, content);
}

async function appWithBackups(): Promise<HttpApp> {
  const app = await startApp({ live: { wal: false }, service: { retention: { keep: 2 } } });
  await createOne(app, 'older');
  await createOne(app, 'newer');
  app.database.close();
  return app;
}

describe('a live database that', () => {
  it.each(damages)('%s is 422 source_damaged, and no backup is made or removed', async (_what, damage) => {
    const app = await appWithBackups();
    const before = storedBackups(app.directory);
    damage(app.databaseFile);
    const failures: string[] = [];
    app.service.on('backup.failed', ({ error }) => failures.push(error.code));
    problemOf(await call(app, 'post', '/create', { body: {} }), 422, 'source_damaged');
    expect(failures).toEqual(['source_damaged']);
    expect(storedBackups(app.directory)).toEqual(before);
    expect(stagedFiles(app.directory)).toEqual([]);
    for (const filename of before) expect(await app.service.verify(filename)).toMatchObject({ ok: true });
  });

  it('lost a required table is 422 source_damaged', async () => {
    const app = await startApp({ service: { requiredTables: ['items', 'users'] } });
    const { problems } = problemOf(await call(app, 'post', '/create', { body: {} }), 422, 'source_damaged');
    expect(problems).toEqual(['Required tables are missing: users.']);
    expect(storedBackups(app.directory)).toEqual([]);
  });

  it('lost all rows of a table is backed up with a warning', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    app.database.exec('DELETE FROM items');
    const { backup } = bodyOf(await call(app, 'post', '/create', { body: {} }), 201, createdSchema);
    expect(backup.warnings).toEqual([`Table items is empty; it had 500 rows in ${filename}.`]);
    expect(bodyOf(await call(app, 'get', '/list'), 200, listSchema).backups[0]).toEqual(backup);
  });
});

/** A host process that lets everyone read and write what it makes. */
const openHanded = `
  import { createBackupService } from 'express-db-backup';
  process.umask(0);
  const [database, directory, file] = process.argv.slice(1);
  const service = createBackupService({ database, directory });
  await service.start();
  const { filename } = await service.create();
  await service.importFile(file);
  await service.update(filename, { pinned: true });
  await service.restore(filename);
  await service.close();
`;

describe.each([
  ['that is not there yet', () => undefined],
  ['that is there, readable by all', (directory: string) => mkdirSync(directory, { mode: 0o755 })],
])('a vault %s', (_what, prepare: (directory: string) => unknown) => {
  it('is private to its owner even under umask 000', async () => {
    const folder = temporaryFolder();
    const database = join(folder, 'app.db');
    const directory = join(folder, 'backups');
    createDatabase(database).close();
    createDatabase(join(folder, 'upload.db')).close();
    prepare(directory);
    const script = ['--input-type=module', '-e', openHanded, database, directory, join(folder, 'upload.db')];
    await promisify(execFile)(process.execPath, script);
    const { backups, ...rest } = permissionsBelow(folder);
    expect(backups).toBe('0700');
    const inside = Object.entries(rest).filter(([path]) => path.startsWith('backups/'));
    const isFile = (path: string): boolean => /\.(db|json|jsonl|lock)$/.test(path);
    expect(inside.filter(([path, mode]) => mode !== (isFile(path) ? '0600' : '0700'))).toEqual([]);
    expect(inside.filter(([path]) => path.endsWith('.db')).length).toBe(3);
  });
});
