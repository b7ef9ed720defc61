import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { confirmed, problem, runCli, runJson } from '../helpers/cli.js';
import {
  backupSchema,
  cleanupSchema,
  createdSchema,
  listSchema,
  receiptSchema,
  statsSchema,
  verifySchema,
} from '../helpers/contract.js';
import { corruptMiddlePage } from '../helpers/damage.js';
import { createDatabase, generations, inspect, openAgain, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

const finding = z.strictObject({
  check: z.string(),
  severity: z.enum(['critical', 'degraded']),
  message: z.string(),
  command: z.string(),
});
const healthSchema = z.strictObject({
  status: z.enum(['healthy', 'degraded', 'critical']),
  message: z.string(),
  checks: z.record(z.string(), z.boolean().nullable()),
  database: z.strictObject({
    exists: z.boolean(),
    schema_valid: z.boolean(),
    missing_tables: z.array(z.string()),
    table_counts: z.record(z.string(), z.int()),
  }),
  backups: z.strictObject({
    lastSuccessAt: z.string().nullable(),
    ageSeconds: z.int().nullable(),
    count: z.int(),
    nextRunAt: z.string().nullable(),
  }),
  findings: z.array(finding),
});
/** A folder with a database and a config file; no application runs. */
function createProject(config: object = {}) {
  const cwd = temporaryFolder();
  const file = join(cwd, 'app.db');
  createDatabase(file).close();
  const options = { database: 'app.db', directory: 'backups', requiredTables: ['items'], ...config };
  writeFileSync(join(cwd, 'backup.config.json'), JSON.stringify(options));
  const directory = join(cwd, 'backups');
  const change = (generation: string): void => {
    const database = new Database(file);
    setGeneration(database, generation);
    database.close();
  };
  const live = (): string => inspect(file, generations);
  return { cwd, file, directory, change, live };
}

function destroy(file: string): void {
  for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true });
  writeFileSync(file, 'Nothing of it is left. '.repeat(1_000));
}

describe('a round trip in a terminal', () => {
  it('creates, lists, verifies, restores; each document has its shape', async () => {
    const project = createProject();
    const { backup } = await runJson(['create', '--notes', 'by hand'], project, createdSchema);
    expect(backup).toMatchObject({ kind: 'manual', notes: 'by hand', createdBy: 'cli' });
    const listed = await runJson(['list', '--limit', '5'], project, listSchema);
    expect(listed).toMatchObject({ total: 1, limit: 5, offset: 0, backups: [{ filename: backup.filename }] });
    expect((await runJson(['stats'], project, statsSchema)).totalBackups).toBe(1);
    expect((await runJson(['verify'], project, verifySchema)).ok).toBe(true);
    project.change('second');
    const receipt = await runJson(['restore', backup.filename, ...confirmed], project, receiptSchema);
    expect(receipt.restored).toBe(backup.filename);
    expect(project.live()).toBe('first:500');
    await runJson(['restore', receipt.safetyBackup, ...confirmed], project, receiptSchema);
    expect(project.live()).toBe('second:500');
    expect((await runJson(['health'], project, healthSchema)).status).toBe('healthy');
  });

  it('tells people in tables and sentences, without colours where there is no terminal', async () => {
    const project = createProject();
    const created = await runCli(['create'], project);
    expect(created.stdout).toMatch(/^Created app_backup_\S+\.db \(\d+\.\d KiB, [\d.]+ m?s\)\n$/);
    const listed = await runCli(['list'], project);
    expect(listed.stdout).toMatch(
      /^NAME +KIND +CREATED +SIZE +VERIFIED\napp_backup_\S+ +manual +2.* UTC +\d.* quick\n1 of 1 backups\n$/,
    );
    expect((await runCli(['stats'], project)).stdout).toMatch(/^1 backups, /);
    expect((await runCli(['verify'], project)).stdout).toContain('is sound (full');
    expect((await runCli(['restore', ...confirmed], project)).stdout).toMatch(
      /Restored .*\n.*safety.*\nTABLE +BEFORE +AFTER\n/,
    );
    expect((await runCli(['health'], project)).stdout).toMatch(/^healthy: 2 backups/);
    for (const { stdout, stderr } of [created, listed]) expect(stdout + stderr).not.toContain('\u001b');
  });

  it('commands no terminal by what stands in a database', async () => {
    const project = createProject();
    await runCli(['create'], project);
    const database = new Database(project.file);
    database.exec('CREATE TABLE "a\u001b[2Jb\u009b31mc\r\u001b[31md\u009d[1me\nf" (x)');
    database.close();
    const { stdout } = await runCli(['compare', 'latest'], project);
    expect(stdout).toContain('a?[2Jb?31mc?\u001b[31md?[1me?f');
  });

  it('removes, pins, cleans up', async () => {
    const project = createProject({ retention: { keep: 9 } });
    const names: string[] = [];
    for (let index = 0; index < 3; index++)
      names.push((await runJson(['create'], project, createdSchema)).backup.filename);
    const [first = '', second = ''] = names;
    const pinned = z.strictObject({ backup: backupSchema });
    expect((await runJson(['pin', first], project, pinned)).backup.pinned).toBe(true);
    expect((await runJson(['remove', first], project, problem, 6)).code).toBe('backup_pinned');
    expect((await runJson(['pin', first, '--off'], project, pinned)).backup.pinned).toBe(false);
    const removed = z.strictObject({ filename: z.literal(first), freedBytes: z.int() });
    await runJson(['remove', first], project, removed);
    writeFileSync(
      join(project.cwd, 'tight.json'),
      readFileSync(join(project.cwd, 'backup.config.json'), 'utf8').replace('9', '1'),
    );
    const tight = ['--config', 'tight.json'];
    const planned = await runJson([...tight, 'cleanup', '--dry-run'], project, cleanupSchema);
    expect(planned.deleted.map(({ filename }) => filename)).toEqual([second]);
    expect(storedBackups(project.directory)).toHaveLength(2);
    expect((await runJson([...tight, 'cleanup'], project, cleanupSchema)).deleted).toHaveLength(1);
    expect(storedBackups(project.directory)).toHaveLength(1);
  });

  it('exports to a file that is not there yet, and imports one', async () => {
    const project = createProject();
    const { backup } = await runJson(['create'], project, createdSchema);
    const exported = z.strictObject({
      filename: z.string(),
      file: z.string(),
      size: z.int(),
      sha256: z.string(),
      logs: z.tuple([]),
    });
    const { file } = await runJson(['export', 'latest', 'copy.db'], project, exported);
    expect(file).toBe(join(project.cwd, 'copy.db'));
    expect(inspect(file, generations)).toBe('first:500');
    symlinkSync('nowhere', join(project.cwd, 'link.db'));
    for (const taken of ['copy.db', 'link.db'])
      expect((await runJson(['export', 'latest', taken], project, problem, 2)).code).toBe('invalid_request');
    const imported = await runJson(['import', 'copy.db', '--sha256', backup.sha256], project, createdSchema);
    expect(imported.backup.kind).toBe('uploaded');
    expect((await runJson(['import', 'nowhere.db'], project, problem, 5)).code).toBe('backup_not_found');
  });

  it('exports no bytes that are not those of the backup', async () => {
    const project = createProject();
    const { backup } = await runJson(['create'], project, createdSchema);
    corruptMiddlePage(join(project.directory, backup.filename));
    const before = readdirSync(project.cwd);
    expect((await runJson(['export', 'latest', 'copy.db'], project, problem, 9)).code).toBe('backup_damaged');
    expect(readdirSync(project.cwd)).toEqual(before);
  });
});

describe('a restore', () => {
  it('asks for the phrase where nobody can type it, and does nothing without it', async () => {
    const project = createProject();
    await runCli(['create'], project);
    for (const given of [[], ['--confirm', 'yes']]) {
      const { code, expected } = await runJson(['restore', ...given], project, problem, 2);
      expect([code, expected]).toEqual(['confirmation_required', confirmed[1]]);
    }
    expect(storedBackups(project.directory)).toHaveLength(1);
  });

  it('takes the phrase of the config', async () => {
    const project = createProject({ confirmationPhrase: 'do it' });
    await runCli(['create'], project);
    await runJson(['restore', ...confirmed], project, problem, 2);
    await runJson(['restore', '--confirm', 'do it'], project, receiptSchema);
  });

  it.each([
    ['is no database any more', destroy],
    ['is empty', (file: string) => writeFileSync(file, '')],
    ['is gone', (file: string) => rmSync(file)],
  ])('works while no application runs and the live file %s; what was there is kept', async (_what, harm) => {
    const project = createProject();
    await runCli(['create'], project);
    harm(project.file);
    const before = existsSync(project.file) ? readFileSync(project.file) : Buffer.alloc(0);
    expect((await runJson(['health'], project, healthSchema, 8)).message).toContain(
      'Run: npx express-db-backup restore latest',
    );
    const { safetyBackup } = await runJson(['restore', 'latest', ...confirmed], project, receiptSchema);
    expect(project.live()).toBe('first:500');
    expect(readFileSync(join(project.directory, safetyBackup))).toEqual(before);
    expect((await runJson(['health'], project, healthSchema)).status).toBe('healthy');
  });

  it('of a destroyed file refuses while an application has it open', async () => {
    const project = createProject();
    await runCli(['create'], project);
    const application = openAgain(project.file);
    application.prepare('SELECT count(*) FROM items').get();
    destroy(project.file);
    const before = readFileSync(project.file);
    const { code } = await runJson(['restore', 'latest', ...confirmed], project, problem, 6);
    expect(code).toBe('database_busy');
    expect(readFileSync(project.file)).toEqual(before);
  });
});

describe('settings', () => {
  it('come from flags, the environment, and a config, in this order', async () => {
    const project = createProject();
    const other = join(project.cwd, 'other.db');
    createDatabase(other, { generation: 'other' }).close();
    const flags = await runJson(['create', '--database', other, '--directory', 'of-other'], project, createdSchema);
    expect(flags.backup.filename).toMatch(/^other_/);
    const env = { BACKUP_DATABASE: other, BACKUP_DIRECTORY: join(project.cwd, 'of-other') };
    const { total } = await runJson(['list'], { ...project, env }, listSchema);
    expect(total).toBe(1);
    await runJson(['list'], project, problem, 3);
  });

  it.each([
    ['backup.config.js', 'export default { database: "app.db", directory: "kept" };'],
    ['backup.config.mjs', 'export default { database: "app.db", directory: "kept" };'],
    ['backup.config.json', '{ "database": "app.db", "directory": "kept" }'],
  ])('are read from %s, relative to it', async (name, text) => {
    const { cwd } = createProject();
    rmSync(join(cwd, 'backup.config.json'));
    writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(cwd, name), text);
    await runJson(['create', '--config', join(cwd, name)], { cwd: temporaryFolder() }, createdSchema);
    expect(storedBackups(join(cwd, 'kept'))).toHaveLength(1);
  });

  it.each([
    ['no database is named', 'none', undefined],
    ['the config is not there', '', undefined],
    ['the config throws', 'broken.mjs', 'throw new Error("No environment.")'],
    ['the config is a list', 'list.json', '[]'],
    ['an option is unknown', 'odd.json', '{ "database": "app.db", "directory": "backups", "keep": 7 }'],
  ])('that do not fit (%s) end with 2', async (_what, name, text) => {
    const cwd = temporaryFolder();
    if (text !== undefined) writeFileSync(join(cwd, name), text);
    const { code } = await runJson(['list', ...(name === 'none' ? [] : ['--config', name])], { cwd }, problem, 2);
    expect(code).toBe('invalid_options');
  });

  it('are written by init, which never writes over a file', async () => {
    const cwd = temporaryFolder();
    createDatabase(join(cwd, 'shop.db')).close();
    const wrote = z.strictObject({ file: z.literal(join(cwd, 'backup.config.mjs')) });
    await runJson(['init', '--database', 'shop.db'], { cwd }, wrote);
    await runJson(['create'], { cwd }, createdSchema);
    const before = readFileSync(join(cwd, 'backup.config.mjs'));
    await runJson(['init'], { cwd }, problem, 2);
    expect(readFileSync(join(cwd, 'backup.config.mjs'))).toEqual(before);
  });
});

it('an undo takes no tables', async () => {
  const project = createProject();
  await runCli(['create'], project);
  await runCli(['restore', ...confirmed], project);
  const undo = ['restore', 'undo', '--tables', 'items', ...confirmed];
  expect((await runJson(undo, project, problem, 2)).code).toBe('invalid_request');
});

describe('a usage that does not fit', () => {
  it.each([
    [['nonsense']],
    [['list', '--limit', 'many']],
    [['list', '--kind', 'old']],
    [['remove']],
    [['create', '--force']],
  ])('%j ends with 2 and shows the help', async (parameters) => {
    const { code, stdout, stderr } = await runCli(parameters, createProject());
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: express-db-backup');
  });

  it.each([[['--help']], [['--version']], [['restore', '--help']]])('%j ends with 0', async (parameters) => {
    expect((await runCli(parameters, { cwd: temporaryFolder() })).code).toBe(0);
  });
});

describe('a backup that is not what it was', () => {
  it('fails its verification with 9', async () => {
    const project = createProject();
    const { backup } = await runJson(['create'], project, createdSchema);
    writeFileSync(join(project.directory, backup.filename), Buffer.alloc(backup.size, 7));
    expect((await runJson(['verify', 'latest'], project, verifySchema, 9)).ok).toBe(false);
    expect((await runJson(['restore', ...confirmed], project, problem, 9)).code).toBe('backup_damaged');
    expect(project.live()).toBe('first:500');
  });

  it('or is not there, with 5', async () => {
    const project = createProject();
    await runCli(['create'], project);
    expect((await runJson(['verify', 'app_backup_2026-01-08_21-00-00.db'], project, problem, 5)).code).toBe(
      'backup_not_found',
    );
    expect((await runJson(['verify', '../../etc/passwd'], project, problem, 2)).code).toBe('invalid_filename');
  });
});

describe('migrate', () => {
  const sql = (statement: string): string[] => [
    'migrate',
    '--',
    process.execPath,
    '-e',
    `const Database = require(${JSON.stringify(join(process.cwd(), 'node_modules', 'better-sqlite3'))}); new Database('app.db').exec(${JSON.stringify(statement)})`,
  ];

  it('runs the command with a backup before it', async () => {
    const project = createProject();
    const { code, stdout } = await runCli(sql('CREATE TABLE prices (id)'), project);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Migrated\. Before it: app_pre_migration_/)]);
  });

  it('ends with the code of the command, and the database is as it was', async () => {
    const project = createProject();
    const broken = ['migrate', '--', 'sh', '-c', 'echo half >&2; exit 37'];
    const { code, stdout, stderr } = await runCli(broken, project);
    expect([code, stdout]).toEqual([37, '']);
    expect(stderr).toContain('half');
    expect(stderr).toMatch(/app_pre_migration_\S+, from before it, was restored/);
    expect(project.live()).toBe('first:500');
  });

  it('ends with 10 when the command says it succeeded and the tables are gone', async () => {
    const project = createProject();
    const { code } = await runCli(sql('DROP TABLE items'), project);
    expect([code, project.live()]).toEqual([10, 'first:500']);
  });

  it('keeps what failed where that is wanted, and names the command that goes back', async () => {
    const project = createProject();
    const [command = '', ...rest] = sql('DELETE FROM items');
    const { code, stderr } = await runCli([command, '--on-failure', 'keep', ...rest], project);
    expect([code, project.live()]).toEqual([10, '']);
    const [, name = ''] =
      /Run: npx express-db-backup restore (\S+)|run: npx express-db-backup restore (\S+)/
        .exec(stderr)
        ?.filter(Boolean) ?? [];
    await runJson(['restore', name, ...confirmed], project, receiptSchema);
    expect(project.live()).toBe('first:500');
  });

  it('that is killed half way is told by health until the backup from before it is restored, whatever is tried meanwhile', async () => {
    const project = createProject({ retention: { keep: 1 } });
    const [, , , ...command] = sql('CREATE TABLE half (id)');
    const slow = `${command.at(-1)}; console.log('half'); setTimeout(() => undefined, 1_000)`;
    const meanwhile = (child: ChildProcess): void => {
      child.stdout?.once('data', () => child.kill('SIGKILL'));
    };
    const killed = await runCli(['migrate', '--label', '0042', '--', process.execPath, '-e', slow], {
      ...project,
      meanwhile,
    });
    expect(killed.code).toBeNull();
    const told = async () => (await runJson(['health'], project, healthSchema, 11)).findings;
    const first = await told();
    expect(first).toMatchObject([
      { check: 'migration_finished', message: expect.stringMatching(/^The migration 0042 of .* was cut short/) },
    ]);
    expect((await runCli(['migrate', '--', 'no-such-program'], project)).code).toBe(2);
    expect((await runCli(['migrate', '--', 'false'], project)).code).toBe(1);
    await runJson(['create'], project, createdSchema);
    await runJson(['restore', 'latest', ...confirmed], project, receiptSchema);
    expect(await told()).toEqual(first);
    const name = String(first[0]?.command).split(' ').at(-1) ?? '';
    await runJson(['restore', name, ...confirmed], project, receiptSchema);
    const half = inspect(project.file, (database) =>
      database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get(),
    );
    expect(half).toBeUndefined();
    expect((await runJson(['health'], project, healthSchema)).findings).toEqual([]);
  });

  it('leaves standard output to one document', async () => {
    const project = createProject();
    const schema = z.strictObject({ backup: backupSchema, validation: z.looseObject({ ok: z.literal(true) }) });
    const ran = await runCli(['--json', 'migrate', '--', 'echo', 'a line of the migration'], project);
    expect(ran.stderr).toContain('a line of the migration');
    schema.parse(JSON.parse(ran.stdout));
  });

  it('of a program that is not there ends with 2', async () => {
    const { code, stderr } = await runCli(['migrate', '--', 'no-such-program'], createProject());
    expect(code).toBe(2);
    expect(stderr).toContain('no-such-program cannot be run');
  });
});

describe('what the application keeps', () => {
  it('is not removed by a command that does not know its rules', async () => {
    const project = createProject();
    for (let index = 0; index < 9; index++) await runCli(['create'], project);
    expect(storedBackups(project.directory)).toHaveLength(9);
    expect((await runJson(['cleanup'], project, problem, 2)).detail).toContain('No `retention` was named');
  }, 60_000);

  it('is not looked for in a folder that is none of its own, and none is made of it', async () => {
    const project = createProject();
    const { code } = await runJson(['list', '--directory', 'typo'], project, problem, 3);
    expect([code, existsSync(join(project.cwd, 'typo'))]).toEqual(['vault_refused', false]);
  });
});

describe('a config', () => {
  it('whose own code does not find a file is not taken for none', async () => {
    const { cwd } = createProject();
    rmSync(join(cwd, 'backup.config.json'));
    writeFileSync(
      join(cwd, 'backup.config.mjs'),
      "import { readFileSync } from 'node:fs'; readFileSync('nowhere.env');",
    );
    const env = { BACKUP_DATABASE: 'app.db', BACKUP_DIRECTORY: 'backups' };
    expect((await runJson(['create'], { cwd, env }, problem, 2)).detail).toContain('nowhere.env');
  });

  it('may print, and may leave a timer: neither is in the way', async () => {
    const { cwd } = createProject();
    rmSync(join(cwd, 'backup.config.json'));
    const text =
      "setInterval(() => undefined, 1_000); console.log('hello'); export default { database: 'app.db', directory: 'backups' };";
    writeFileSync(join(cwd, 'backup.config.mjs'), text);
    await runJson(['create'], { cwd, env: { BACKUP_DATABASE: '' } }, createdSchema);
  });
});

it('a reader that has seen enough is no fault', async () => {
  const project = createProject();
  await runCli(['create'], project);
  const { code, stderr } = await runCli(['list'], { ...project, meanwhile: (child) => child.stdout?.destroy() });
  expect([code, stderr]).toEqual([0, '']);
});

it('a vault that would be served is refused by every command, with 3', async () => {
  const project = createProject({ directory: 'public/backups' });
  expect((await runJson(['create'], project, problem, 3)).detail).toContain('"public"');
});

it('Ctrl-C ends a migration, which is undone, with 130', async () => {
  const project = createProject();
  const { code, stderr } = await runCli(['migrate', '--', 'sleep', '60'], {
    ...project,
    meanwhile: (child) => setTimeout(() => child.kill('SIGINT'), 3_000),
  });
  expect([code, project.live()]).toEqual([130, 'first:500']);
  expect(stderr).toContain('sleep was ended by SIGTERM');
});

it('Ctrl-C undoes what runs: 130, and nothing is left', async () => {
  const project = createProject();
  const blocker = new Database(project.file);
  blocker.pragma('journal_mode = DELETE');
  blocker.exec('BEGIN EXCLUSIVE');
  onTestFinished(() => void blocker.close());
  const { code, stderr } = await runCli(['create'], {
    ...project,
    meanwhile: (child) => setTimeout(() => child.kill('SIGINT'), 1_500),
  });
  expect([code, stderr]).toEqual([130, expect.stringContaining('The operation was cancelled')]);
  expect([storedBackups(project.directory), stagedFiles(project.directory)]).toEqual([[], []]);
  blocker.exec('COMMIT');
  await runJson(['create'], project, createdSchema);
});
