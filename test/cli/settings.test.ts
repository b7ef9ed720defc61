import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { confirmed, createProject, problem, runCli, runJson } from '../helpers/cli.js';
import { createdSchema, listSchema, receiptSchema } from '../helpers/contract.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { storedBackups } from '../helpers/workspace.js';

const wrote = z.strictObject({ file: z.string() });

describe('a vault without its state', () => {
  it.each([
    ['that was deleted as the message says', ['.state']],
    ['nor its manifests', ['.state', 'metadata']],
  ])('is one all the same (%s)', async (_what, removed) => {
    const { cwd, directory } = createProject();
    const { backup } = await runJson(['create'], { cwd }, createdSchema);
    renameSync(join(cwd, 'app.db'), join(cwd, 'moved.db'));
    for (const name of removed) rmSync(join(directory, name), { recursive: true });
    const moved = ['--database', 'moved.db', '--directory', 'backups'];
    const { backups } = await runJson(['list', ...moved], { cwd }, listSchema);
    expect(backups.map(({ filename }) => filename)).toEqual([backup.filename]);
    if (removed.length === 1) await runJson(['restore', ...moved, ...confirmed], { cwd }, receiptSchema);
  });

  it('is not seen in a folder with another database', async () => {
    const { cwd } = createProject();
    mkdirSync(join(cwd, 'other'));
    createDatabase(join(cwd, 'other', 'shop.db')).close();
    await runJson(['list', '--directory', 'other'], { cwd }, problem, 3);
    expect(existsSync(join(cwd, 'other', '.state'))).toBe(false);
  });
});

describe('a place in which no vault can be', () => {
  it.each([
    ['a link that leads nowhere', 'link'],
    ['below a file', 'app.db/backups'],
    ['below a link that leads nowhere', 'link/backups'],
    ['a file', 'a-file'],
  ])('is told with 3: %s', async (_what, directory) => {
    const { cwd } = createProject();
    symlinkSync('nowhere', join(cwd, 'link'));
    writeFileSync(join(cwd, 'a-file'), '');
    for (const command of ['create', 'list'])
      expect((await runJson([command, '--directory', directory], { cwd }, problem, 3)).code).toBe('vault_refused');
    expect(existsSync(join(cwd, 'nowhere'))).toBe(false);
  });
});

describe('a config', () => {
  it.each([
    ['', 'characters'],
    [5, 'a string'],
  ])('with the phrase %j is refused', async (confirmationPhrase, wanted) => {
    const { detail } = await runJson(['list'], createProject({ confirmationPhrase }), problem, 2);
    expect(detail).toMatch(new RegExp(`Expected \`confirmationPhrase\` to be .*${wanted}`));
  });

  it.each(['list', 'doctor'])('with null is one without it, for %s', async (command) => {
    const { detail } = await runJson([command], createProject({ database: null }), problem, 2);
    expect(detail).toContain('No database was named');
  });

  it.each([
    ['ends the process', 'process.exit(0)'],
    ['waits for what never comes', 'await new Promise(() => undefined)'],
  ])('that %s is no success', async (_what, text) => {
    const { cwd, directory } = createProject();
    writeFileSync(join(cwd, 'ending.mjs'), `${text}; export default {};`);
    const { code, stderr } = await runCli(['create', '--config', 'ending.mjs'], { cwd });
    expect([code, existsSync(directory)]).toEqual([1, false]);
    expect(stderr).toContain('ended before it was done');
  });

  it('may begin with a byte order mark', async () => {
    const { cwd } = createProject();
    const file = join(cwd, 'backup.config.json');
    writeFileSync(file, `\uFEFF${readFileSync(file, 'utf8')}`);
    await runJson(['create'], { cwd }, createdSchema);
  });

  it('that lacks what is needed is not told to be written again', async () => {
    const { cwd } = createProject({ directory: undefined });
    const { detail } = await runJson(['list'], { cwd }, problem, 2);
    expect(detail).toContain(`or add it to ${join(cwd, 'backup.config.json')}.`);
  });

  it('that exports by name is told that its default is wanted', async () => {
    const { cwd } = createProject();
    writeFileSync(join(cwd, 'named.mjs'), "export const database = 'app.db', directory = 'backups';");
    const { detail } = await runJson(['list', '--config', 'named.mjs'], { cwd }, problem, 2);
    expect(detail).toContain('default export');
  });
});

describe('init', () => {
  it.each([
    ['backup.config.mjs', '{}'],
    ['settings/backup.config.js', '{ "type": "module" }'],
    ['settings/backup.config.js', '{}'],
    ['backup.config.cjs', '{}'],
  ])('writes %s (package.json: %s), which means the same to the command and to the application', async (name, text) => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'settings'));
    mkdirSync(join(cwd, 'the data'));
    createDatabase(join(cwd, 'the data', 'app.db')).close();
    writeFileSync(join(cwd, 'package.json'), text);
    const env = { BACKUP_DATABASE: 'the data/app.db' };
    await runJson(['init', '--config', name, '--directory', 'kept'], { cwd, env }, wrote);
    await runJson(['create', '--config', join(cwd, name)], { cwd: temporaryFolder() }, createdSchema);
    expect(storedBackups(join(cwd, 'kept'))).toHaveLength(1);
    const imported = (await import(pathToFileURL(join(cwd, name)).href)) as { default: object };
    expect(imported.default).toMatchObject({
      database: join(cwd, 'the data', 'app.db'),
      directory: join(cwd, 'kept'),
    });
  });

  it('writes JSON where that is named', async () => {
    const { cwd } = createProject();
    await runJson(['init', '--config', 'other.json', '--database', 'app.db'], { cwd }, wrote);
    await runJson(['create', '--config', 'other.json'], { cwd }, createdSchema);
  });

  it.each(['backup.config.js', 'backup.config.mjs', 'backup.config.json'])('writes none beside %s', async (name) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, name), 'theirs');
    expect((await runJson(['init'], { cwd }, problem, 2)).detail).toBe(`There is a ${name} already.`);
    expect(existsSync(join(cwd, 'backup.config.mjs'))).toBe(name.endsWith('.mjs'));
    expect(readFileSync(join(cwd, name), 'utf8')).toBe('theirs');
  });

  it.each(['nowhere/backup.config.mjs', 'settings.yaml'])('of %s ends with 2', async (name) => {
    expect((await runCli(['init', '--config', name], { cwd: temporaryFolder() })).code).toBe(2);
  });
});
