import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const installed = join(root, 'node_modules');
const bin = (name: string): string => join(installed, '.bin', name);
const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The tarball as it would be published, without building again under the other tests. */
function pack(folder: string): string {
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], root);
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
}

const dependencies = (): string[] => {
  const { dependencies: needed } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return Object.keys(needed);
};

/** A fresh project that has the tarball and one version of Express, and nothing of this repository's sources. */
function project(express: 'express' | 'express4'): string {
  const folder = temporaryFolder();
  const modules = join(folder, 'node_modules');
  const own = join(modules, 'express-db-backup');
  mkdirSync(own, { recursive: true });
  run('tar', ['-xzf', pack(folder), '-C', own, '--strip-components=1'], folder);
  for (const name of ['better-sqlite3', ...dependencies()])
    symlinkSync(realpathSync(join(installed, name)), join(modules, name));
  symlinkSync(realpathSync(join(installed, express)), join(modules, 'express'));
  return folder;
}

const application = `
  const database = new Database('app.db');
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)');
  const count = database.prepare('SELECT count(*) AS rows FROM t');
  const backups = createBackupService({ database: 'app.db', directory: 'backups' });
  const app = express();
  app.use('/api/backup', backupRouter(backups, { authenticate: () => ({ id: 'me', roles: ['DEVELOPER'] }) }));
  const server = app.listen(0, '127.0.0.1', async () => {
    const api = 'http://127.0.0.1:' + server.address().port + '/api/backup';
    const send = async (method, path, body) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(api + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      return [response.status, await response.json()];
    };
    const [created] = await send('POST', '/create', { notes: 'x' });
    database.exec('DELETE FROM t');
    const [verified, { ok }] = await send('POST', '/verify/latest');
    const [refused, { code }] = await send('POST', '/restore/latest', {});
    const [restored] = await send('POST', '/restore/latest', { confirm: 'I understand this will replace the current database' });
    const form = new FormData();
    form.set('file', new Blob([await (await fetch(api + '/download/latest')).arrayBuffer()]), 'x.db');
    const uploaded = (await fetch(api + '/upload', { method: 'POST', body: form })).status;
    const [named] = await send('GET', '/download/..%2fapp.db');
    console.log(JSON.stringify({ created, verified, ok, refused, code, restored, uploaded, named, ...count.get() }));
    server.close();
    await backups.close();
  });
`;

const everyAnswer = {
  created: 201,
  verified: 200,
  ok: true,
  refused: 400,
  code: 'confirmation_required',
  restored: 200,
  uploaded: 201,
  named: 400,
  rows: 2,
};

describe('the packed package in a fresh project', () => {
  it.each(['express4', 'express'] as const)('backs up and restores with %s, imported', (express) => {
    const folder = project(express);
    const imports =
      "import Database from 'better-sqlite3';\nimport express from 'express';\nimport { backupRouter, createBackupService } from 'express-db-backup';\n";
    writeFileSync(join(folder, 'app.mjs'), imports + application);
    expect(JSON.parse(run(process.execPath, ['app.mjs'], folder))).toEqual(everyAnswer);
  });

  it('backs up and restores when it is required from CommonJS', () => {
    const folder = project('express4');
    const requires =
      "const Database = require('better-sqlite3');\nconst express = require('express');\nconst { backupRouter, createBackupService } = require('express-db-backup');\n";
    writeFileSync(join(folder, 'app.cjs'), requires + application);
    expect(JSON.parse(run(process.execPath, ['--no-warnings', 'app.cjs'], folder))).toEqual(everyAnswer);
  });

  it('has a command that works', () => {
    const folder = project('express');
    writeFileSync(join(folder, 'make.cjs'), "new (require('better-sqlite3'))('app.db').exec('CREATE TABLE t (a)');");
    run(process.execPath, ['make.cjs'], folder);
    const own = join(folder, 'node_modules', 'express-db-backup');
    const { bin: bins, version } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
      version: string;
    };
    const command = join(own, bins['express-db-backup'] ?? '');
    expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(run(process.execPath, [command, '--version'], folder)).toBe(`${version}\n`);
    const created = run(
      process.execPath,
      [command, 'create', '--database', 'app.db', '--directory', 'kept', '--json'],
      folder,
    );
    expect(JSON.parse(created)).toMatchObject({ backup: { kind: 'manual', verification: { ok: true } } });
  });

  it('has types that do not depend on a version of Express', () => {
    const folder = project('express');
    mkdirSync(join(folder, 'node_modules', '@types'));
    for (const name of ['express', 'express-serve-static-core', 'node'])
      symlinkSync(realpathSync(join(installed, '@types', name)), join(folder, 'node_modules', '@types', name));
    const code =
      "import express, { type Request } from 'express';\nimport { backupRouter, createBackupService } from 'express-db-backup';\n" +
      "const service = createBackupService({ database: 'a.db', directory: 'b', retention: { keep: 3, manual: { keep: 2 } } });\n" +
      "const authenticate = (request: Request) => (request.ip === '127.0.0.1' ? { id: 'me', roles: ['ADMIN'] } : null);\n" +
      "express().use('/api/backup', backupRouter(service, { authenticate }));\nexport const name: Promise<string> = service.create().then((backup) => backup.filename);\n";
    writeFileSync(join(folder, 'app.mts'), code);
    const options = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--skipLibCheck',
      'false',
      '--types',
      'node',
      'app.mts',
    ];
    expect(run(bin('tsc'), options, folder)).toBe('');
  });

  it('satisfies publint and attw', () => {
    const tarball = pack(temporaryFolder());
    expect(run(bin('publint'), ['run', tarball, '--strict'], root)).toContain('All good!');
    expect(() => run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], root)).not.toThrow();
  });

  it('holds the built files and the documents, and nothing else', () => {
    const files = run('tar', ['-tzf', pack(temporaryFolder())], root)
      .trim()
      .split('\n');
    expect(
      files.filter(
        (file) =>
          !/^package\/(dist\/.*\.(js|js\.map|d\.ts)|docs\/[a-z-]+\.(md|yml|json)|bench\/results\.md|package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/.test(
            file,
          ),
      ),
    ).toEqual([]);
    expect(files).toContain('package/dist/engines/sqlite/child/main.js');
  });

  it('has every file that its documents lead to', () => {
    const folder = temporaryFolder();
    run('tar', ['-xzf', pack(folder), '-C', folder], folder);
    const packed = join(folder, 'package');
    const documents = readdirSync(packed, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
    const missing = documents.flatMap((name) => {
      const links = readFileSync(join(packed, name), 'utf8').matchAll(/\]\(([\w./-]+)(?:#[\w-]*)?\)/g);
      return [...links]
        .map(([, link = '']) => join(dirname(name), link))
        .filter((file) => !existsSync(join(packed, file)));
    });
    expect(missing).toEqual([]);
  });
});
