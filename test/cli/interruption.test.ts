import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CommandContext } from '../../dist/cli/command.js';
import { guardedCommand } from '../../dist/cli/guarded-command.js';
import { Interruption } from '../../dist/cli/interruption.js';
import { Terminal } from '../../dist/cli/terminal.js';
import { MigrationNotStarted } from '../../dist/operations/migrate/guard-migration.js';
import { runCli } from '../helpers/cli.js';
import { createDatabase, generations, inspect } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const better = JSON.stringify(fileURLToPath(new URL('../../node_modules/better-sqlite3', import.meta.url)));

/** A migration that says in a file that it runs, and deletes rows when somebody has thought it gone. */
function createProject(beginning = '') {
  const cwd = temporaryFolder();
  const file = join(cwd, 'app.db');
  createDatabase(file).close();
  writeFileSync(join(cwd, 'backup.config.json'), '{ "database": "app.db", "directory": "backups" }');
  const slow = `${beginning}
    require('node:fs').writeFileSync('pid', String(process.pid));
    setTimeout(() => new (require(${better}))('app.db').exec('DELETE FROM items'), 60_000);`;
  writeFileSync(join(cwd, 'slow.cjs'), slow);
  onTestFinished(() => {
    if (isAlive(cwd)) process.kill(pidOf(cwd), 'SIGKILL');
  });
  return { cwd, live: () => inspect(file, generations) };
}

const pidOf = (cwd: string): number => Number(readFileSync(join(cwd, 'pid'), 'utf8'));

function isAlive(cwd: string): boolean {
  if (!existsSync(join(cwd, 'pid'))) return false;
  const stat = readIfThere(`/proc/${pidOf(cwd)}/stat`);
  return stat !== '' && !/\) [ZX]/.test(stat);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const begun = (cwd: string): Promise<unknown> => expect.poll(() => isAlive(cwd), { interval: 20 }).toBe(true);

/** @param signals by name, each with the milliseconds that are waited before it, from the moment at which it works */
function interrupt(cwd: string, ...signals: readonly (readonly [NodeJS.Signals, number])[]) {
  return (child: ChildProcess): void => {
    void begun(cwd).then(async () => {
      for (const [signal, waitMs] of signals) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        child.kill(signal);
      }
    });
  };
}

const shell = ['migrate', '--', 'sh', '-c'];

describe.runIf(existsSync('/proc/self/stat'))('a migration that is interrupted', () => {
  it.each([
    ['a shell waits for', 'node slow.cjs; echo done', 'SIGTERM', 143],
    ['a shell waits for', 'node slow.cjs; echo done', 'SIGINT', 130],
    ['has a session of its own', 'setsid node slow.cjs & wait', 'SIGTERM', 143],
    ['has lost the terminal', 'node slow.cjs; echo done', 'SIGHUP', 129],
  ] as const)('leaves nothing that writes where its work %s (%s, %s)', async (_what, line, signal, ended) => {
    const { cwd, live } = createProject();
    const { code, stderr } = await runCli([...shell, line], { cwd, meanwhile: interrupt(cwd, [signal, 0]) });
    expect([code, isAlive(cwd), live()]).toEqual([ended, false, 'first:500']);
    expect(stderr).toContain('from before it, was restored');
  });

  it('is undone also where it ends in the middle as if all was well', async () => {
    const half = `new (require(${better}))('app.db').exec('DELETE FROM items WHERE id <= 250');
      for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(0));`;
    const { cwd, live } = createProject(half);
    const meanwhile = interrupt(cwd, ['SIGINT', 0]);
    const { code, stderr } = await runCli(['migrate', '--', 'node', 'slow.cjs'], { cwd, meanwhile });
    expect([code, live()]).toEqual([130, 'first:500']);
    expect(stderr).toContain('node was interrupted. app_pre_migration_');
  });

  it('before its command began is not begun', async () => {
    const ran = join(temporaryFolder(), 'ran');
    const interruption = new Interruption(() => undefined);
    onTestFinished(() => interruption.stop());
    const context = {
      terminal: new Terminal({ json: true }),
      signal: AbortSignal.abort(),
      interruption,
    } as CommandContext;
    await expect(guardedCommand(['touch', ran], context).run()).rejects.toThrow(MigrationNotStarted);
    expect(existsSync(ran)).toBe(false);
  });

  it('is not waited for when somebody insists', async () => {
    const { cwd, live } = createProject("for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => undefined);");
    const from = performance.now();
    const meanwhile = interrupt(cwd, ['SIGINT', 0], ['SIGINT', 700]);
    const { code, stderr } = await runCli([...shell, 'node slow.cjs; echo done'], { cwd, meanwhile });
    expect([code, isAlive(cwd), live()]).toEqual([130, false, 'first:500']);
    expect(stderr).toContain('from before it, was restored');
    expect(performance.now() - from).toBeLessThan(9_000);
  });

  it('is undone also where somebody insists when it has ended already', async () => {
    const { cwd, live } = createProject();
    const meanwhile = interrupt(cwd, ['SIGINT', 0], ['SIGINT', 550]);
    const { code, stderr } = await runCli([...shell, 'node slow.cjs; echo done'], { cwd, meanwhile });
    expect([code, live()]).toEqual([130, 'first:500']);
    expect(stderr).toContain('from before it, was restored');
  });

  it('ends in its own time where one Ctrl-C comes twice, as npm has it', async () => {
    const { cwd, live } = createProject(
      "process.on('SIGTERM', () => setTimeout(() => { require('node:fs').writeFileSync('tidy', ''); process.exit(1); }, 1_000));",
    );
    const meanwhile = interrupt(cwd, ['SIGINT', 0], ['SIGINT', 20]);
    const { code } = await runCli([...shell, 'node slow.cjs; echo done'], { cwd, meanwhile });
    expect([code, existsSync(join(cwd, 'tidy')), live()]).toEqual([130, true, 'first:500']);
  });

  it('reads the terminal, and ends with all that came of it when Ctrl-C is typed there', async () => {
    const { cwd, live } = createProject();
    const line = `${process.execPath} ${program} migrate -- sh -c 'read answer; echo got $answer; node slow.cjs; echo done'`;
    const terminal = spawn('script', ['-qec', line, '/dev/null'], { cwd, stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void terminal.kill('SIGKILL'));
    let shown = '';
    terminal.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString('utf8');
    });
    const ended = new Promise((resolve) => terminal.once('close', resolve));
    terminal.stdin.write('yes\n');
    await begun(cwd);
    terminal.stdin.write('\u0003');
    expect(await ended, shown).toBe(130);
    expect([isAlive(cwd), live()]).toEqual([false, 'first:500']);
    expect(shown).toContain('got yes');
  });
});

describe.runIf(existsSync('/proc/self/stat'))('a migration that fails', () => {
  it('is undone when what it left behind has ended', async () => {
    const { cwd, live } = createProject();
    const line = 'node slow.cjs & while [ ! -s pid ]; do sleep 0.1; done; exit 3';
    const { code } = await runCli([...shell, line], { cwd });
    expect([code, isAlive(cwd), live()]).toEqual([3, false, 'first:500']);
  });

  it('is undone when what it left behind has ended, also where it said that it was well', async () => {
    const { cwd, live } = createProject();
    const emptied = `new (require(${better}))('app.db').exec('DELETE FROM items')`;
    writeFileSync(join(cwd, 'empty.cjs'), emptied);
    const line = 'node slow.cjs & while [ ! -s pid ]; do sleep 0.1; done; node empty.cjs';
    const { code, stderr } = await runCli([...shell, line], { cwd });
    expect([code, isAlive(cwd), live()]).toEqual([10, false, 'first:500']);
    expect(stderr).toContain('The table items had 500 rows and has none.');
  });

  it.each([
    ['', 'An empty name cannot be run'],
    ['app.db/migrate', 'app.db/migrate cannot be run'],
  ])('to begin (%j) has nothing put back', async (command, said) => {
    const { cwd } = createProject();
    const { code, stderr } = await runCli(['migrate', '--', command], { cwd });
    expect([code, readdirSync(join(cwd, 'backups')).filter((name) => name.includes('safety'))]).toEqual([2, []]);
    expect(stderr).toContain(said);
  });
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a command that does not end is ended by a second %s, with %i', async (signal, ended) => {
  const { cwd } = createProject();
  const stuck =
    "import { writeFileSync } from 'node:fs'; writeFileSync('pid', String(process.pid)); setInterval(() => 0, 1_000); await new Promise(() => undefined);";
  writeFileSync(join(cwd, 'stuck.mjs'), stuck);
  const meanwhile = interrupt(cwd, [signal, 0], [signal, 700]);
  const { code, stderr } = await runCli(['list', '--config', 'stuck.mjs'], { cwd, meanwhile });
  expect([code, stderr]).toEqual([ended, expect.stringContaining('Ended at once.')]);
});
