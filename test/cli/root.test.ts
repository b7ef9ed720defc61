import { spawnSync } from 'node:child_process';
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

  it('is told by doctor how that user gets a place that is not there yet', async () => {
    const { cwd } = createProject(nobody);
    const directory = 'of root/backups';
    mkdirSync(join(cwd, 'of root'));
    const told = await runCli(['doctor', '--directory', directory, '--json'], { cwd });
    const { diagnoses } = JSON.parse(told.stdout) as { diagnoses: { check: string; fix: string | null }[] };
    const fix = diagnoses.find(({ check }) => check === 'vault')?.fix ?? '';
    expect(spawnSync('sh', ['-c', fix.replace('Run as root: ', '')]).status).toBe(0);
    expect((await runCli(['create', '--directory', directory], { cwd })).code).toBe(0);
  });

  it("stays root where the backups are its own, and where the database is another user's", async () => {
    const project = createProject(0);
    expect((await runCli(['create'], project)).stderr).toBe('');
    chownSync(join(project.cwd, 'app.db'), nobody, nobody);
    expect((await runCli(['create'], project)).stderr).toBe('');
  });
});
