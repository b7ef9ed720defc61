import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import express from 'express';
import { type BackupServiceOptions, createBackupService, healthRouter } from 'express-db-backup';
import supertest from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli, runTyped } from '../helpers/cli.js';
import { serve } from '../helpers/http-app.js';
import { createDatabase, generations, inspect, openAgain } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const page = readFileSync(fileURLToPath(new URL('../../docs/when-something-is-wrong.md', import.meta.url)), 'utf8');
const documented = [...page.matchAll(/^ {4}(npx express-db-backup .*)$/gm)].map(([, line = '']) =>
  line.replace(/app_(?:pre_migration|backup)_\S+/, '<backup>'),
);
const better = JSON.stringify(
  fileURLToPath(new URL('../../node_modules/better-sqlite3/lib/index.js', import.meta.url)),
);
const restoreLatest = 'npx express-db-backup restore latest';

/** A deployed application with one backup; `run` types a line that the page has, and answers what was shown. */
async function createDeployment() {
  const cwd = temporaryFolder();
  const file = join(cwd, 'app.db');
  createDatabase(file).close();
  const config = {
    database: 'app.db',
    directory: 'backups',
    requiredTables: ['items'],
    minimumRows: { items: 1 },
    retention: { keep: 7 },
  };
  writeFileSync(join(cwd, 'backup.config.json'), JSON.stringify(config));
  expect((await runCli(['create'], { cwd })).code).toBe(0);
  const run = async (line: string, backup = ''): Promise<string> => {
    expect(documented).toContain(line);
    const { code, shown } = await runTyped(line.replace('<backup>', backup), { cwd });
    expect(code, shown).toBe(0);
    return shown;
  };
  const options = { ...config, database: file, directory: join(cwd, 'backups') };
  const live = (): string => inspect(file, generations);
  const harm = (sql: string): void => {
    const database = new Database(file);
    database.exec(sql);
    database.close();
  };
  return { cwd, file, options, run, live, harm };
}

type Deployment = Awaited<ReturnType<typeof createDeployment>>;

/** The application starts, is asked how it is, and is stopped. */
async function health({
  options,
}: {
  readonly options: BackupServiceOptions;
}): Promise<{ status: number; message: string }> {
  const service = createBackupService({ ...options, schedule: false, verifyEvery: false });
  onTestFinished(() => service.close());
  await service.start();
  const app = express().use('/health', healthRouter(service, { details: 'public' }));
  const { status, body } = await supertest(await serve(app)).get('/health');
  await service.close();
  return { status, message: (body as { message: string }).message };
}

/** In a process of its own, with a commit that no backup has; it says when it is there. */
function startApplication({ cwd }: Deployment): ChildProcess {
  const server = `const database = new (require(${better}))('app.db');
    database.exec("INSERT INTO commits VALUES ('after the backup')"); console.log('open'); setInterval(() => database, 1_000);`;
  writeFileSync(join(cwd, 'server.cjs'), server);
  const child = spawn(process.execPath, ['server.cjs'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** A migration of the project's own, as a pipeline would run it. */
function writeMigration({ cwd }: Deployment, ...steps: readonly string[]): string[] {
  writeFileSync(
    join(cwd, 'migrate.cjs'),
    `const database = new (require(${better}))('app.db');\n${steps.map((sql) => `database.exec(${JSON.stringify(sql)});`).join('\n')}`,
  );
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ scripts: { 'db:migrate': 'node migrate.cjs' } }));
  return ['--', 'npm', 'run', '--silent', 'db:migrate'];
}

describe('told as it happened', () => {
  it('the database that a failed migration left empty: 503, the command, the data', async () => {
    const deployment = await createDeployment();
    const command = writeMigration(deployment, 'DROP TABLE items', 'DROP TABLE commits', 'CREATE TABLE items (typo');
    const { code, stderr } = await runCli(['migrate', '--on-failure', 'keep', ...command], deployment);
    expect(code).toBe(1);
    expect(deployment.live).toThrow('no such table');
    const told = await health(deployment);
    expect(told.status).toBe(503);
    expect(told.message).toContain(`Run: ${restoreLatest}`);
    const [, backup = ''] = /To go back run: npx express-db-backup restore (\S+)/.exec(stderr) ?? [];
    await deployment.run('npx express-db-backup restore <backup>', backup);
    expect(deployment.live()).toBe('first:500');
    expect((await health(deployment)).status).toBe(200);
  });

  it('the migration with a broken order: the step fails, and nothing of it is left', async () => {
    const deployment = await createDeployment();
    const command = writeMigration(deployment, 'ALTER TABLE prices ADD COLUMN cents', 'CREATE TABLE prices (id)');
    const broken = writeMigration(deployment, 'CREATE TABLE prices (id)', 'ALTER TABLE price ADD COLUMN cents');
    expect(command).toEqual(broken);
    const { code, stderr } = await runCli(['migrate', ...broken], deployment);
    expect(code).toBe(1);
    expect(stderr).toMatch(/app_pre_migration_\S+, from before it, was restored/);
    expect(deployment.live()).toBe('first:500');
    expect(inspect(deployment.file, (database) => database.pragma('table_info(prices)'))).toEqual([]);
    writeMigration(deployment, 'CREATE TABLE prices (id)', 'ALTER TABLE prices ADD COLUMN cents');
    await deployment.run('npx express-db-backup migrate -- npm run db:migrate');
  });

  it('the app that started with no tables: 503, the command, the data', async () => {
    const deployment = await createDeployment();
    for (const ending of ['', '-wal', '-shm']) rmSync(deployment.file + ending, { force: true });
    new Database(deployment.file).exec('PRAGMA user_version = 1').close();
    const told = await health(deployment);
    expect(told.status).toBe(503);
    expect(told.message).toContain(
      `has no tables: it was never initialised, or something emptied it. Run: ${restoreLatest}`,
    );
    const strict = createBackupService({ ...deployment.options, onInvalid: 'throw' });
    await expect(strict.start()).rejects.toMatchObject({ code: 'database_invalid', exitCode: 8 });
    await strict.close();
    await deployment.run(restoreLatest);
    expect(deployment.live()).toBe('first:500');
    expect((await health(deployment)).status).toBe(200);
  });

  it('the table that was emptied and backed up so, again and again: told, the command, the data', async () => {
    const deployment = await createDeployment();
    const options = { ...deployment.options, minimumRows: {}, retention: { keep: 2 } };
    writeFileSync(join(deployment.cwd, 'backup.config.json'), JSON.stringify({ ...options, database: 'app.db' }));
    deployment.harm('DELETE FROM items');
    for (let day = 0; day < 4; day++) expect((await runCli(['create'], deployment)).code).toBe(0);
    const told = await health({ options });
    expect(told.status).toBe(200);
    const [, backup = ''] = /Run: npx express-db-backup restore (\S+) --tables items$/.exec(told.message) ?? [];
    await deployment.run('npx express-db-backup restore <backup> --tables items', backup);
    expect(deployment.live()).toBe('first:500');
    expect((await health({ options })).message).not.toContain('lost all its rows');
  });

  it('the deploy that must fail in the pipeline does, and what comes after it is not run', async () => {
    const deployment = await createDeployment();
    const command = writeMigration(deployment, 'DELETE FROM items');
    const { code, stdout } = await runCli(['migrate', ...command], deployment);
    expect([code, stdout]).toEqual([10, '']);
    expect(deployment.live()).toBe('first:500');
  });
});

describe('the page of what is wrong', () => {
  it.each([
    ['gone', (file: string) => rmSync(file)],
    ['empty', (file: string) => writeFileSync(file, '')],
    ['no database', (file: string) => writeFileSync(file, 'Nothing of it is left. '.repeat(1_000))],
  ])('mends a database that is %s', async (_what, harm) => {
    const deployment = await createDeployment();
    for (const ending of ['-wal', '-shm']) rmSync(deployment.file + ending, { force: true });
    harm(deployment.file);
    const told = await health(deployment);
    expect([told.status, told.message.includes(`Run: ${restoreLatest}`)]).toEqual([503, true]);
    await deployment.run(restoreLatest);
    expect(deployment.live()).toBe('first:500');
  });

  it('mends a careless click while the application runs, shows what would change, and undoes it', async () => {
    const deployment = await createDeployment();
    const application = openAgain(deployment.file);
    application.exec("DELETE FROM items WHERE id > 3; INSERT INTO commits VALUES ('kept')");
    const listed = await deployment.run('npx express-db-backup list');
    const [backup = ''] = /app_backup_\S+/.exec(listed) ?? [];
    for (const line of ['npx express-db-backup compare <backup> live', 'npx express-db-backup compare latest'])
      expect(await deployment.run(line, backup)).toMatch(/items +500 +3 +0 +497 +0/);
    expect(await deployment.run('npx express-db-backup pin <backup>', backup)).toContain('is pinned');
    const shown = await deployment.run('npx express-db-backup restore <backup> --tables items', backup);
    expect(shown).toContain('items: 3 rows now, 500 after; 497 would come');
    expect(shown).not.toContain('commits:');
    expect(generations(application)).toBe('first:500');
    expect(application.prepare('SELECT count(*) FROM commits').pluck().get()).toBe(1);
    await deployment.run('npx express-db-backup restore undo');
    expect(generations(application)).toBe('first:3');
    const whole = await deployment.run(restoreLatest);
    expect(whole).toContain('commits: 1 rows now, 0 after; 1 would go');
    expect(generations(application)).toBe('first:500');
  });

  it('brings back a file that was deleted under the application, with what was committed after the last backup', async () => {
    const deployment = await createDeployment();
    const application = startApplication(deployment);
    const stopped = new Promise((resolve) => application.once('close', resolve));
    await new Promise((resolve) => application.stdout?.once('data', resolve));
    rmSync(deployment.file);
    const { code, shown } = await runTyped('npx express-db-backup doctor', deployment);
    expect([code, shown]).toEqual([8, expect.stringContaining('Do not stop that process')]);
    const copies = shown.match(/cp \/proc\/\d+\/fd\/\d+ rescued\.db\S*/g) ?? [];
    expect(copies.map((line) => line.replaceAll(/\d+/g, '<number>'))).toEqual(
      [...page.matchAll(/`(cp \S+ rescued\S+)`/g)].map(([, line = '']) => line.replaceAll(/\d+/g, '<number>')),
    );
    for (const line of copies) expect((await runTyped(line, deployment)).code).toBe(0);
    await deployment.run('npx express-db-backup create --database rescued.db --directory rescued');
    await deployment.run('npx express-db-backup export latest whole.db --database rescued.db --directory rescued');
    await deployment.run('npx express-db-backup import whole.db');
    application.kill('SIGKILL');
    await stopped;
    await deployment.run(restoreLatest);
    expect(deployment.live()).toBe('first:500');
    expect(inspect(deployment.file, (database) => database.prepare('SELECT * FROM commits').all())).toHaveLength(1);
    expect((await health(deployment)).status).toBe(200);
  });

  it('begins for whoever has no config yet', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'data'));
    createDatabase(join(cwd, 'data', 'app.db')).close();
    const paths = '--database data/app.db --directory backups';
    for (const [line, code] of [
      [`npx express-db-backup doctor ${paths}`, 11],
      [`npx express-db-backup init ${paths}`, 0],
      ['npx express-db-backup create', 0],
      ['npx express-db-backup doctor', 11],
    ] as const) {
      expect(documented).toContain(line);
      const ran = await runTyped(line, { cwd });
      expect(ran.code, ran.shown).toBe(code);
    }
  });

  it('has a command for the rest, each of which does what it says', async () => {
    const deployment = await createDeployment();
    expect(await deployment.run('npx express-db-backup verify latest --level drill')).toMatch(
      /replacing .*is sound \(drill/s,
    );
    expect(await deployment.run('npx express-db-backup create')).toContain('Created app_backup_');
    expect(await deployment.run('npx express-db-backup cleanup --dry-run')).toContain('0 would be removed, 2 kept');
    expect(await deployment.run('npx express-db-backup cleanup')).toContain('0 removed, 2 kept');
    const { code, shown } = await runTyped('npx express-db-backup doctor', deployment);
    expect([code, shown]).toEqual([11, expect.stringContaining('chmod o-rwx')]);
  });

  it('names no other command than those', () => {
    expect(new Set(documented)).toEqual(
      new Set([
        restoreLatest,
        'npx express-db-backup restore <backup> --tables items',
        'npx express-db-backup list',
        'npx express-db-backup compare <backup> live',
        'npx express-db-backup pin <backup>',
        'npx express-db-backup create --database rescued.db --directory rescued',
        'npx express-db-backup export latest whole.db --database rescued.db --directory rescued',
        'npx express-db-backup import whole.db',
        'npx express-db-backup doctor --database data/app.db --directory backups',
        'npx express-db-backup init --database data/app.db --directory backups',
        'npx express-db-backup restore <backup>',
        'npx express-db-backup restore undo',
        'npx express-db-backup migrate -- npm run db:migrate',
        'npx express-db-backup compare latest',
        'npx express-db-backup verify latest --level drill',
        'npx express-db-backup create',
        'npx express-db-backup cleanup --dry-run',
        'npx express-db-backup cleanup',
        'npx express-db-backup doctor',
      ]),
    );
  });
});

it('a phrase that is mistyped on a terminal restores nothing; NO_COLOR takes the colours away', async () => {
  const deployment = await createDeployment();
  deployment.harm('DELETE FROM items');
  const wrong = await runTyped(`${restoreLatest} --confirm yes`, deployment);
  expect([wrong.code, deployment.live()]).toEqual([2, '']);
  expect((await runTyped('npx express-db-backup list', deployment)).raw).toContain('\u001b[1m');
  expect((await runTyped('NO_COLOR=1 npx express-db-backup list', deployment)).raw).not.toContain('\u001b[1m');
});
