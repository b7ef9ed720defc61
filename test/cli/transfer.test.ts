import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { confirmed, createProject, problem, runCli, runJson } from '../helpers/cli.js';
import { receiptSchema } from '../helpers/contract.js';

const exported = z.strictObject({
  filename: z.string(),
  file: z.string(),
  size: z.int(),
  sha256: z.string(),
  logs: z.array(z.string()),
});

/** A database of which the file is destroyed and the log is not, as its safety backup keeps both. */
async function keepDamaged(project: ReturnType<typeof createProject>) {
  await runCli(['create'], project);
  const application = new Database(project.file);
  application.pragma('journal_mode = WAL');
  application.exec("INSERT INTO commits VALUES ('in the log')");
  copyFileSync(`${project.file}-wal`, `${project.file}-kept`);
  application.close();
  copyFileSync(`${project.file}-kept`, `${project.file}-wal`);
  rmSync(`${project.file}-shm`, { force: true });
  writeFileSync(project.file, 'Nothing of it is left. '.repeat(1_000));
  const log = readFileSync(`${project.file}-wal`);
  const { safetyBackup } = await runJson(['restore', 'latest', ...confirmed], project, receiptSchema);
  return { safetyBackup, log };
}

describe('an export', () => {
  it('of a damaged database that was kept with its log has both, and says so', async () => {
    const project = createProject();
    const { safetyBackup, log } = await keepDamaged(project);
    const { file, logs } = await runJson(['export', safetyBackup, 'kept.db'], project, exported);
    expect(logs).toEqual([`${file}-wal`]);
    expect(readFileSync(`${file}-wal`)).toEqual(log);
    expect((await runCli(['export', safetyBackup, 'again.db'], project)).stdout).toContain(
      'again.db-wal: keep the two',
    );
  });

  it.each(['copy.db-wal', 'copy.db-journal'])('is not put beside a %s of another database', async (name) => {
    const project = createProject();
    await runCli(['create'], project);
    writeFileSync(join(project.cwd, name), '');
    expect((await runJson(['export', 'latest', 'copy.db'], project, problem, 2)).detail).toContain(name);
    expect(existsSync(join(project.cwd, 'copy.db'))).toBe(false);
  });

  it.each(['nowhere/copy.db', 'app.db/copy.db'])('to %s ends with 2, and leaves nothing', async (target) => {
    const project = createProject();
    await runCli(['create'], project);
    const before = readdirSync(project.cwd);
    expect((await runJson(['export', 'latest', target], project, problem, 2)).detail).toContain('There is no folder');
    expect(readdirSync(project.cwd)).toEqual(before);
  });

  it('among the backups ends with 2: it would be a stray file there', async () => {
    const project = createProject();
    await runCli(['create'], project);
    const before = readdirSync(project.directory);
    expect((await runJson(['export', 'latest', 'backups/copy.db'], project, problem, 2)).detail).toContain('stray');
    expect(readdirSync(project.directory)).toEqual(before);
  });
});

describe('an import', () => {
  it.each([
    ['a folder', 'folder', 2, 'invalid_request'],
    ['below a file', 'app.db/copy.db', 5, 'backup_not_found'],
  ])('of %s is refused', async (_what, name, code, told) => {
    const project = createProject();
    mkdirSync(join(project.cwd, 'folder'));
    expect((await runJson(['import', name], project, problem, code)).code).toBe(told);
  });
});
