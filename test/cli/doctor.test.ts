import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createProject, runCli, runJson } from '../helpers/cli.js';
import { createdSchema } from '../helpers/contract.js';
import { createDatabase, generations, inspect } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const doctorSchema = z.strictObject({
  diagnoses: z.array(
    z.strictObject({
      check: z.string(),
      verdict: z.enum(['ok', 'note', 'warning', 'critical']),
      message: z.string(),
      fix: z.string().nullable(),
    }),
  ),
});

type Project = ReturnType<typeof createProject>;

async function diagnose(project: Project, code: number, ...parameters: readonly string[]) {
  const { diagnoses } = await runJson(['doctor', ...parameters], project, doctorSchema, code);
  return (check: string) => diagnoses.find((one) => one.check === check);
}

it('the doctor says in one screen what would go wrong, each with its fix', async () => {
  const cwd = temporaryFolder();
  const file = join(cwd, 'app.db');
  createDatabase(file, { wal: false }).close();
  const config = {
    database: 'app.db',
    directory: 'backups',
    retention: { maxTotalSize: 1 },
    requiredTables: ['users'],
  };
  writeFileSync(join(cwd, 'backup.config.json'), JSON.stringify(config));
  const application = new Database(file);
  onTestFinished(() => void application.close());
  application.prepare('SELECT 1 FROM items').get();
  const { diagnoses } = await runJson(['doctor'], { cwd }, doctorSchema, 8);
  const bad = diagnoses.filter(({ verdict }) => verdict === 'critical' || verdict === 'warning');
  expect(bad.map(({ check }) => check).sort()).toEqual([
    'backup_fresh',
    'has_users',
    'journal_mode',
    'permissions',
    'retention',
  ]);
  for (const { fix } of bad) expect(fix).toMatch(/^(Run|Move|Raise|Free|Set)/);
  expect(diagnoses.find(({ check }) => check === 'other_writers')?.message).toContain(String(process.pid));
  const { stdout } = await runCli(['doctor'], { cwd });
  expect(stdout.split('\n').length).toBeLessThan(50);
});

const nobody = 65_534;

describe('where the backups cannot be used the doctor says why, and examines the rest', () => {
  const cases: readonly (readonly [string, (project: Project) => void, readonly string[], RegExp])[] = [
    [
      'a link that leads nowhere',
      ({ cwd }) => symlinkSync('nowhere', join(cwd, 'link')),
      ['--directory', 'link'],
      /Name a directory/,
    ],
    ['below a file', () => undefined, ['--directory', 'app.db/backups'], /Name a directory/],
    [
      'of another database',
      ({ file, cwd }) => copyFileSync(file, join(cwd, 'other.db')),
      ['--database', 'other.db'],
      /rm .*vault\.json/,
    ],
    ['writable by everybody', ({ directory }) => chmodSync(directory, 0o777), [], /chmod 700/],
    [
      'served',
      ({ cwd }) => mkdirSync(join(cwd, 'public')),
      ['--directory', 'public/backups'],
      /move .* to a private folder/,
    ],
  ];
  it.each(cases)('%s', async (_what, harm, parameters, fix) => {
    const project = createProject();
    await runCli(['create'], project);
    harm(project);
    const found = await diagnose(project, 8, ...parameters);
    expect(found('vault')).toMatchObject({ verdict: 'critical', fix: expect.stringMatching(fix) });
    expect(found('other_writers')).toBeDefined();
    expect(found('versions')?.message).toMatch(/^Node v\S+, better-sqlite3 \d\S+, SQLite 3\.\d/);
  });

  it.runIf(process.getuid?.() === 0).each([
    ['that this user may not read', 0o000, 8],
    ['with files that root has left', 0o700, 11],
  ])('%s', async (_what, mode, code) => {
    const project = createProject({ retention: { keep: 7 } });
    for (const path of ['', ...readdirSync(project.cwd)]) chownSync(join(project.cwd, path), nobody, nobody);
    chmodSync(project.file, 0o600);
    await runCli(['create'], project);
    writeFileSync(join(project.directory, 'metadata', 'left.json'), '', { mode: 0o600 });
    chmodSync(project.directory, mode);
    const found = await diagnose(project, code);
    const told = found(code === 8 ? 'vault' : 'vault_files');
    expect(told).toMatchObject({ fix: expect.stringContaining(`chown -R ${nobody} ${project.directory}`) });
  });
});

it('the room for a restore of a missing database is told by the newest backup', async () => {
  const project = createProject();
  const { backup } = await runJson(['create'], project, createdSchema);
  rmSync(project.file);
  const found = await diagnose(project, 8);
  expect(found('room_for_restore')?.message).toContain(`up to ${((2 * backup.size) / 1024).toFixed(1)} KiB`);
});

describe('retention', () => {
  it.each([
    [{ keep: 1 }, 'keeps one backup'],
    [{ daily: 1, weekly: 1 }, 'keeps one backup'],
    [{ keep: 9, scheduled: { keep: 1 } }, 'keeps one backup'],
    [{ minAge: '1s' }, 'minAge'],
  ])('of %j keeps next to nothing', async (retention, told) => {
    const found = await diagnose(createProject({ retention }), 11);
    expect(found('retention')).toMatchObject({ verdict: 'warning', message: expect.stringContaining(told) });
  });

  it.each([[{ keep: 7 }], [{ keep: 1, minAge: '30d' }], [{ daily: 7, keep: 1 }]])(
    'of %j is well',
    async (retention) => {
      const found = await diagnose(createProject({ retention }), 11);
      expect(found('retention')?.verdict).toBe('ok');
    },
  );
});

/** An application in a process of its own, which has the database open. */
async function startApplication({ cwd }: Project) {
  const better = JSON.stringify(join(process.cwd(), 'node_modules', 'better-sqlite3'));
  writeFileSync(
    join(cwd, 'server.cjs'),
    `const database = new (require(${better}))('app.db'); database.pragma('journal_mode = WAL');
     database.exec("INSERT INTO commits VALUES ('in the log')"); console.log('open'); setInterval(() => database, 1_000);`,
  );
  const child = spawn(process.execPath, ['server.cjs', '--password=hidden'], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child.pid;
}

describe.runIf(existsSync('/proc/self/fd'))('the processes that have the database open', () => {
  it('are named with what they run, without its arguments, and with what is to be done', async () => {
    const project = createProject();
    const id = await startApplication(project);
    const told = (await diagnose(project, 11))('other_writers');
    expect(told?.message).toContain(`process ${id} (node server.cjs).`);
    expect(told?.fix).toContain('it need not be stopped');
  });

  it('of a deleted file are not to be stopped, and it is copied out of them by the commands that are told', async () => {
    const project = createProject();
    const id = await startApplication(project);
    for (const ending of ['', '-wal', '-shm']) rmSync(project.file + ending);
    const told = (await diagnose(project, 8))('deleted_file');
    expect(told).toMatchObject({
      verdict: 'critical',
      message: expect.stringContaining(`process ${id} (node server.cjs)`),
    });
    expect((await runCli(['doctor'], project)).stdout).toMatch(/^x The database file was deleted/);
    const [, copies = ''] = /^Do not stop that process: .* Copy it out first: (.*)$/.exec(told?.fix ?? '') ?? [];
    const shell = spawn('sh', ['-c', copies], { cwd: project.cwd, stdio: 'inherit' });
    expect(await new Promise((resolve) => shell.once('close', resolve))).toBe(0);
    const rescued = join(project.cwd, 'rescued.db');
    expect(inspect(rescued, generations)).toBe('first:500');
    expect(
      inspect(rescued, (database: Database.Database) => database.prepare('SELECT * FROM commits').all()),
    ).toHaveLength(1);
  });
});

it('what makes the database private is a command that does', async () => {
  const project = createProject();
  renameSync(project.file, join(project.cwd, 'the app.db'));
  await runCli(['create', '--database', 'the app.db'], project);
  const fix = (await diagnose(project, 11, '--database', 'the app.db'))('permissions')?.fix ?? '';
  expect(spawnSync('sh', ['-c', fix.replace('Run: ', '')]).status, fix).toBe(0);
  expect((await diagnose(project, 0, '--database', 'the app.db'))('permissions')?.verdict).toBe('ok');
});
