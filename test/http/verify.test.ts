import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bodyOf, problemOf, verifySchema } from '../helpers/contract.js';
import { contentBelow } from '../helpers/file-tree.js';
import { call, createOne, expressVersions, type HttpApp, startApp } from '../helpers/http-app.js';
import { stagedFiles } from '../helpers/workspace.js';

const verify = async (app: HttpApp, name: string, body: object = {}) =>
  bodyOf(await call(app, 'post', `/verify/${name}`, { body }), 200, verifySchema);

function edit(file: string, change: (content: Buffer) => void): void {
  const content = readFileSync(file);
  change(content);
  writeFileSync(file, content);
}

function editManifest(manifest: string, change: (content: Record<string, unknown>) => void): void {
  const content = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
  change(content);
  writeFileSync(manifest, JSON.stringify(content));
}

describe.each(expressVersions)('%s: POST /verify', (_version, express) => {
  it('checks a sound backup in full and writes the verdict into its manifest', async () => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    const outcome = await verify(app, 'latest');
    expect(outcome).toMatchObject({ filename, ok: true, level: 'full', problems: [], warnings: [] });
    expect(Object.keys(outcome.checks)).toEqual(
      expect.arrayContaining(['manifest', 'file', 'sidecars', 'size', 'sha256', 'header', 'integrity_check', 'rows']),
    );
    expect(new Set(Object.values(outcome.checks))).toEqual(new Set(['passed']));
    const manifest = JSON.parse(
      readFileSync(join(app.directory, 'metadata', filename.replace('.db', '.json')), 'utf8'),
    );
    expect(manifest.verification).toMatchObject({ level: 'full', ok: true });
  });

  it.each([
    ['an unknown level', { level: 'drill-down' }, 'level'],
    ['an unknown field', { levels: 'full' }, 'levels'],
    ['a number', { level: 1 }, 'level'],
  ])('refuses %s', async (_what, body, field) => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    const problem = problemOf(await call(app, 'post', `/verify/${filename}`, { body }), 400, 'invalid_request');
    expect(problem.errors?.map((error) => error.field)).toEqual([field]);
  });
});

describe('POST /verify', () => {
  const damages: [string, string, (file: string, manifest: string) => void][] = [
    [
      'one bit flipped',
      'sha256',
      (file) => edit(file, (content) => content.writeUInt8(content.readUInt8(20_000) ^ 1, 20_000)),
    ],
    ['one byte cut off', 'size', (file) => truncateSync(file, statSync(file).size - 1)],
    ['one page cut off', 'size', (file) => truncateSync(file, statSync(file).size - 4096)],
    ['nothing left', 'size', (file) => truncateSync(file, 0)],
    ['something appended', 'size', (file) => appendFileSync(file, Buffer.alloc(8192))],
    ['a -wal beside it', 'sidecars', (file) => writeFileSync(`${file}-wal`, 'rogue')],
    ['a -journal beside it', 'sidecars', (file) => writeFileSync(`${file}-journal`, 'rogue')],
    ['no manifest', 'manifest', (_file, manifest) => rmSync(manifest)],
    ['a manifest that is no JSON', 'manifest', (_file, manifest) => writeFileSync(manifest, '{')],
    [
      "another file's manifest",
      'manifest',
      (_file, manifest) => editManifest(manifest, (it) => Object.assign(it, { filename: 'x.db' })),
    ],
    ['an edited size', 'size', (_file, manifest) => editManifest(manifest, (it) => Object.assign(it, { size: 1 }))],
    [
      'an edited digest',
      'sha256',
      (_file, manifest) => editManifest(manifest, (it) => Object.assign(it, { sha256: '0'.repeat(64) })),
    ],
    [
      'edited rows',
      'rows',
      (_file, manifest) => editManifest(manifest, (it) => Object.assign(it, { tables: { items: 501, commits: 0 } })),
    ],
    [
      'an edited schema',
      'schema',
      (_file, manifest) => editManifest(manifest, (it) => Object.assign(it.source as object, { schemaSha256: 'x' })),
    ],
  ];

  it.each(damages)('answers ok: false for a backup with %s', async (_what, check, damage) => {
    const app = await startApp();
    const { filename } = await createOne(app);
    damage(join(app.directory, filename), join(app.directory, 'metadata', filename.replace('.db', '.json')));
    const damaged: string[] = [];
    app.service.on('backup.damaged', (outcome) => damaged.push(outcome.filename));
    const outcome = await verify(app, filename);
    expect(outcome).toMatchObject({ ok: false, checks: { [check]: 'failed' } });
    expect(outcome.problems.length).toBeGreaterThan(0);
    expect(damaged).toEqual([filename]);
    const stored = await app.service.get(filename);
    if (stored.manifest) expect(stored.verification).toMatchObject({ ok: false, problems: outcome.problems });
  });

  it.each([
    [
      'a flipped bit',
      (file: string) => edit(file, (content) => content.writeUInt8(content.readUInt8(20_000) ^ 1, 20_000)),
    ],
    ['a lost byte', (file: string) => truncateSync(file, statSync(file).size - 1)],
  ])('sees %s at level quick too, which does not ask SQLite', async (_what, damage) => {
    const app = await startApp();
    const { filename } = await createOne(app);
    const sound = await verify(app, filename, { level: 'quick' });
    expect(sound).toMatchObject({ ok: true, level: 'quick' });
    expect(sound.checks).not.toHaveProperty('integrity_check');
    damage(join(app.directory, filename));
    expect(await verify(app, filename, { level: 'quick' })).toMatchObject({ ok: false, level: 'quick' });
  });

  it('changes neither the file nor what lies beside it', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    const file = join(app.directory, filename);
    const before = {
      stat: statSync(file),
      beside: readdirSync(app.directory),
      content: contentBelow(app.directory)[filename],
    };
    expect(await verify(app, filename)).toMatchObject({ ok: true });
    const { atime: _a, atimeMs: _b, ...after } = statSync(file);
    expect(before.stat).toMatchObject(after);
    expect(readdirSync(app.directory)).toEqual(before.beside);
    expect(contentBelow(app.directory)[filename]).toBe(before.content);
    expect(stagedFiles(app.directory)).toEqual([]);
  });

  it('reports rows that refer to missing rows as a warning, not as damage', async () => {
    const app = await startApp();
    app.database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER REFERENCES items (id))');
    app.database.pragma('foreign_keys = OFF');
    app.database.exec('INSERT INTO orders (item) VALUES (1), (999999), (999998)');
    const { filename } = await createOne(app);
    const outcome = await verify(app, filename);
    expect(outcome).toMatchObject({ ok: true, problems: [], checks: { foreign_keys: 'warning' } });
    expect(outcome.warnings).toEqual(['2 rows refer to missing rows: orders -> items.']);
  });

  it('answers 404 for a backup that is removed meanwhile by another process', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    app.service.on(
      'operation',
      ({ progress }) => progress !== null && rmSync(join(app.directory, filename), { force: true }),
    );
    problemOf(await call(app, 'post', `/verify/${filename}`, { body: {} }), 404, 'backup_not_found');
  });
});
