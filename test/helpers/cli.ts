import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import Database from 'better-sqlite3';
import { expect, onTestFinished } from 'vitest';
import type { z } from 'zod';
import { problemSchema } from './contract.js';
import { phrase } from './http-app.js';
import { createDatabase, generations, inspect } from './live-database.js';
import { temporaryFolder } from './temporary-folder.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ran {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Sees the process while it runs. */
  readonly meanwhile?: (child: ChildProcess) => void;
}

/** The command as it ships, in a process of its own; no terminal. */
export function runCli(parameters: readonly string[], { cwd, env = {}, meanwhile }: CliOptions): Promise<Ran> {
  const { BACKUP_DATABASE: _database, BACKUP_DIRECTORY: _directory, ...inherited } = process.env;
  const child = spawn(process.execPath, [program, ...parameters], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString('utf8');
    });
  meanwhile?.(child);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...texts })));
}

/** Answers its one JSON document, which must be of that shape, and its exit code must be that one. */
export async function runJson<Schema extends z.ZodType>(
  parameters: readonly string[],
  options: CliOptions,
  schema: Schema,
  code = 0,
): Promise<z.output<Schema>> {
  const ran = await runCli([...parameters, '--json'], options);
  expect(ran.code, ran.stdout + ran.stderr).toBe(code);
  expect(ran.stdout.endsWith('\n')).toBe(true);
  expect(ran.stdout.trimEnd().includes('\n')).toBe(false);
  return schema.parse(JSON.parse(ran.stdout));
}

export const confirmed = ['--confirm', phrase];

/** A folder with a database and a config file; no application runs. */
export function createProject(config: object = {}) {
  const cwd = temporaryFolder();
  const file = join(cwd, 'app.db');
  createDatabase(file).close();
  writeFileSync(
    join(cwd, 'backup.config.json'),
    JSON.stringify({ database: 'app.db', directory: 'backups', ...config }),
  );
  const change = (sql: string): void => {
    const database = new Database(file);
    database.exec(sql);
    database.close();
  };
  return { cwd, file, directory: join(cwd, 'backups'), change, live: () => inspect(file, generations) };
}

export const problem = problemSchema.omit({ instance: true }).loose();

/**
 * A line as somebody types it into a terminal, who then confirms what is asked. Both streams of the terminal are one.
 * Util-linux's `script` is the terminal.
 */
export function runTyped(
  line: string,
  {
    cwd,
    atPrompt = (type) => type(`${phrase}\n`),
  }: { readonly cwd: string; readonly atPrompt?: (type: (text: string) => void) => void },
): Promise<{ code: number | null; shown: string; raw: string }> {
  const typed = line.replace('npx express-db-backup', `${process.execPath} ${program}`);
  // Somebody's terminal has colours, whatever the tests' own has.
  const { NO_COLOR: _noColor, CI: _ci, ...inherited } = process.env;
  const env = { ...inherited, TERM: 'xterm' };
  const child = spawn('script', ['-qec', typed, '/dev/null'], { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  let isAsked = false;
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8');
    if (!isAsked && shown.includes('to go on: ')) {
      isAsked = true;
      atPrompt((text) => child.stdin.write(text));
    }
  });
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, shown: stripVTControlCharacters(shown), raw: shown })),
  );
}
