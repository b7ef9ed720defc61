import { spawn } from 'node:child_process';
import { existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BackupError, type ErrorCode, errorTable } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hintOf } from '../../dist/cli/hints.js';
import { confirmed, createProject, problem, runCli, runJson, runTyped } from '../helpers/cli.js';
import { createdSchema } from '../helpers/contract.js';

const program = join(import.meta.dirname, '../../dist/cli/main.js');

describe.runIf(existsSync('/dev/full'))('what cannot be told on standard output', () => {
  it.each([
    ['create', 7],
    ['list', 7],
    ['create --json', 7],
    ['verify app_backup_2026-01-08_21-00-00.db --json', 5],
  ])('is told on the other one, and no success: %s', async (line, code) => {
    const project = createProject();
    await runCli(['create'], project);
    const child = spawn(process.execPath, [program, ...line.split(' ')], {
      cwd: project.cwd,
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(code);
    expect(stderr).toContain('could not be told on standard output: ENOSPC');
  });
});

describe('a hint', () => {
  /** What only a request can fail with. */
  const requests = new Set(['unauthenticated', 'rate_limited', 'range_not_satisfiable']);

  it.each(Object.keys(errorTable).filter((code) => !requests.has(code)))('of %s is one for a terminal', (code) => {
    expect(hintOf(new BackupError(code as ErrorCode))).not.toMatch(
      /PATCH|: true|`errors`|`expected`|\bSend\b|role|`\w+` to finish/,
    );
  });

  it('names the command that helps', async () => {
    const project = createProject();
    const { backup } = await runJson(['create'], project, createdSchema);
    await runCli(['pin', backup.filename], project);
    const { stderr } = await runCli(['remove', backup.filename], project);
    expect(stderr).toContain('npx express-db-backup pin <name> --off');
    expect((await runJson(['remove', backup.filename], project, problem, 6)).hint).toContain('--off');
  });
});

describe('a command that is told', () => {
  const advised = z.looseObject({ findings: z.array(z.looseObject({ command: z.string() })) });

  it('works as it is told where the config was named by a flag', async () => {
    const project = createProject();
    renameSync(join(project.cwd, 'backup.config.json'), join(project.cwd, "somebody's config.json"));
    const flags = ['--config', "somebody's config.json"];
    await runCli(['create', ...flags], project);
    project.change('DELETE FROM items');
    const { findings } = await runJson(['health', ...flags], project, advised, 11);
    expect((await runCli(['health', ...flags], project)).stdout).toContain(findings[0]?.command);
    const { code, shown } = await runTyped(findings[0]?.command ?? '', project);
    expect([code, project.live()], shown).toEqual([0, 'first:500']);
  });

  it('names the database and the directory as they were named', async () => {
    const { cwd } = createProject();
    rmSync(join(cwd, 'backup.config.json'));
    const flags = ['--database', 'app.db', '--directory', 'kept'];
    const { stderr } = await runCli(['migrate', '--on-failure', 'keep', ...flags, '--', 'false'], { cwd });
    expect(stderr).toContain(
      'run: npx express-db-backup --database app.db --directory kept restore app_pre_migration_',
    );
    const { hint } = await runJson(['verify', 'app_backup_2026-01-08_21-00-00.db', ...flags], { cwd }, problem, 5);
    expect(hint).toBe('npx express-db-backup --database app.db --directory kept list shows what there is.');
  });
});

it('a stream that is redirected has no colours, whatever the other one has', async () => {
  const project = createProject();
  await runCli(['create'], project);
  const shown = await runTyped('npx express-db-backup remove nothing.db 2> told', project);
  expect(shown.raw).toBe('');
  const { raw } = await runTyped('cat told', project);
  expect(raw).toContain('No such backup');
  expect(raw).not.toContain('\u001b');
  expect((await runTyped('npx express-db-backup remove nothing.db > told', project)).raw).toContain('\u001b[31m');
});

it('nothing is told of a last backup where there is none', async () => {
  const project = createProject();
  expect((await runCli(['health'], project)).stdout).toMatch(/^degraded: 0 backups\n/);
  await runCli(['create'], project);
  expect((await runCli(['restore', ...confirmed], project)).code).toBe(0);
  expect((await runCli(['stats'], project)).stdout).not.toContain('never)');
});
