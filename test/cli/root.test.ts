import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { confirmed, runCli } from '../helpers/cli.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const nobody = 65_534;
/** A user of whom the system knows no name. */
const nameless = 54_321;

function createProject(owner: number) {
  const cwd = temporaryFolder();
  createDatabase(join(cwd, 'app.db')).close();
  writeFileSync(join(cwd, 'backup.config.json'), '{ "database": "app.db", "directory": "backups" }');
  for (const path of ['', ...readdirSync(cwd)]) chownSync(join(cwd, path), owner, owner);
  return { cwd };
}

type Project = ReturnType<typeof createProject>;

const ownersIn = (folder: string): Set<number> =>
  new Set(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^from-/.test(name))
      .map((name) => lstatSync(join(folder, name)).uid),
  );

describe.runIf(process.getuid?.() === 0)('root, among the backups of another user', () => {
  it.each([nobody, nameless])('leaves no file of its own (user %i), and says whose work it does', async (owner) => {
    const project = createProject(owner);
    for (const parameters of [['create'], ['verify'], ['list'], ['health'], ['restore', ...confirmed], ['create']]) {
      const { code, stderr } = await runCli([...parameters, '--json'], project);
      expect([code, stderr]).toEqual([
        0,
        `Going on as ${owner === nobody ? 'nobody' : `user ${owner}`}, whose backups these are.\n`,
      ]);
    }
    expect(ownersIn(project.cwd)).toEqual(new Set([owner]));
  });

  it('runs a migration as that user, with its groups and its home', async () => {
    const project = createProject(nobody);
    const line = 'id -u > from-id; id -G >> from-id; echo $HOME >> from-id';
    expect((await runCli(['migrate', '--', 'sh', '-c', line], project)).code).toBe(0);
    expect(readFileSync(join(project.cwd, 'from-id'), 'utf8')).toBe(`${nobody}\n${nobody}\n/nonexistent\n`);
  });

  it.each([
    ['a place that is not there yet', 'of root/backups', ({ cwd }: Project) => mkdirSync(join(cwd, 'of root'))],
    ['a vault that was made read-only', 'backups', ({ cwd }: Project) => chmodSync(join(cwd, 'backups'), 0o500)],
  ])('is told by doctor how that user gets %s', async (_what, directory, spoil) => {
    const project = createProject(nobody);
    expect((await runCli(['create'], project)).code).toBe(0);
    spoil(project);
    const told = await runCli(['doctor', '--directory', directory, '--json'], project);
    const { diagnoses } = JSON.parse(told.stdout) as { diagnoses: { check: string; fix: string | null }[] };
    const fix = diagnoses.find(({ check }) => check === 'vault')?.fix ?? '';
    expect([told.code, spawnSync('sh', ['-c', fix.replace('Run as root: ', '')]).status], fix).toEqual([8, 0]);
    expect((await runCli(['create', '--directory', directory], project)).code).toBe(0);
  });

  it("stays root where the backups are its own, and where the database is another user's", async () => {
    const project = createProject(0);
    expect((await runCli(['create'], project)).stderr).toBe('');
    chownSync(join(project.cwd, 'app.db'), nobody, nobody);
    expect((await runCli(['create'], project)).stderr).toBe('');
  });
});
