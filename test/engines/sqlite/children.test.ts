import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { EngineContext, Progress } from '../../../dist/engines/engine.js';
import { Children } from '../../../dist/engines/sqlite/children.js';
import type { ChildTask } from '../../../dist/engines/sqlite/conversation.js';
import { backupProcessesOf, childrenOf, environmentOf, isRunning } from '../../helpers/child-processes.js';
import { storedBackup } from '../../helpers/database-files.js';
import { createDatabase, generations, openAgain, openDatabase } from '../../helpers/live-database.js';
import { publishAfter } from '../../helpers/task-context.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
const context = (parts: Partial<EngineContext> = {}): EngineContext => ({
  signal: new AbortController().signal,
  onProgress: () => undefined,
  lockFile: null,
  ...parts,
});
function createChildren(): Children {
  const children = new Children();
  onTestFinished(() => children.close());
  return children;
}
const runInChild = (task: ChildTask, engineContext: EngineContext) => createChildren().run(task, engineContext);
const inspectTask = (live: string) => ({ task: 'inspect', input: { live } });
const liveFile = (): string => openDatabase(join(temporaryFolder(), 'app.db')).name;

type Hook = () => void | Promise<void>;

/** Restores generation `backup` into a live database; `hook` runs while the child holds the write lock. */
async function restoreInChild(hook: Hook, parts: Partial<EngineContext> = {}) {
  const { file: source } = await storedBackup({ generation: 'backup' });
  const live = openDatabase(join(temporaryFolder(), 'app.db'), { generation: 'live' });
  const goOn = join(temporaryFolder(), 'go-on');
  const paths = { live: live.name, source, safetyDestination: join(temporaryFolder(), 'safety.db') };
  const input = { ...paths, requiredTables: [], waitMs: 5_000, publication: publishAfter(goOn) };
  let secured = false;
  const onProgress = (progress: Progress): void => {
    parts.onProgress?.(progress);
    if (secured || progress.phase !== 'securing') return;
    secured = true;
    void Promise.resolve(hook()).then(() => writeFileSync(goOn, ''));
  };
  const outcome = runInChild({ task: 'restore', input, commits: true }, context({ ...parts, onProgress }));
  return { live, outcome };
}

it('the child sees nothing of the environment of its host but what finds programs and libraries', async () => {
  vi.stubEnv('NODE_OPTIONS', '--require /nowhere/breaks-every-node.cjs');
  vi.stubEnv('SECRET_OF_THE_HOST', 'secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  let environment: string[] = [];
  const { outcome } = await restoreInChild(async () => {
    environment = backupProcessesOf(process.pid).flatMap(environmentOf);
  });
  await outcome;
  expect(environment.some((line) => line.startsWith('PATH='))).toBe(true);
  expect(environment.filter((line) => /^(NODE_OPTIONS|SECRET_OF_THE_HOST|JWT|npm_|VITEST)/.test(line))).toEqual([]);
});

it('an error of the task arrives with its code, and an unknown one with its message', async () => {
  await expect(runInChild(inspectTask(join(temporaryFolder(), 'app.db')), context())).rejects.toMatchObject({
    name: 'BackupError',
    code: 'database_missing',
  });
  const destination = join(temporaryFolder(), 'missing', 'snapshot.db');
  const input = { live: liveFile(), destination, level: 'quick', requiredTables: [], method: 'auto' };
  const unknown = runInChild({ task: 'snapshot', input }, context());
  await expect(unknown).rejects.toMatchObject({ name: 'Error', message: expect.stringContaining('directory') });
});

describe('after its task a child', () => {
  const task = (): ChildTask => inspectTask(liveFile());

  it('stays for the next one, so that no process has to be started, and is gone when the engine is closed', async () => {
    const children = createChildren();
    await children.run(task(), context());
    const first = backupProcessesOf(process.pid);
    await children.run(task(), context());
    expect(first).toHaveLength(1);
    expect(backupProcessesOf(process.pid)).toEqual(first);
    await children.close();
    expect(backupProcessesOf(process.pid)).toEqual([]);
  });

  it('is gone when the engine is closed even if it was stopped', async () => {
    const children = createChildren();
    await children.run(task(), context());
    for (const idle of backupProcessesOf(process.pid)) process.kill(idle, 'SIGSTOP');
    await children.close();
    expect(backupProcessesOf(process.pid)).toEqual([]);
  });

  it.each([
    ['read a file from elsewhere', (): ChildTask => ({ ...task(), foreign: true })],
    ['failed', (): ChildTask => inspectTask(join(temporaryFolder(), 'missing.db'))],
  ])('that %s is gone before its answer is there', async (_which, toTask) => {
    const children = createChildren();
    await children.run(task(), context());
    await children.run(toTask(), context()).catch(() => undefined);
    expect(backupProcessesOf(process.pid)).toEqual([]);
  });

  it('holds no lock', async () => {
    const lockFile = createDatabase(join(temporaryFolder(), 'operation.lock'), { wal: false, rows: 1 }).close().name;
    const live = openDatabase(join(temporaryFolder(), 'app.db'), { wal: false });
    await createChildren().run(inspectTask(live.name), context({ lockFile }));
    for (const database of [live, openAgain(lockFile)]) {
      database.pragma('busy_timeout = 0');
      expect(() => database.exec('BEGIN EXCLUSIVE; ROLLBACK')).not.toThrow();
    }
  });

  it.each([
    ['died', 'SIGKILL', async (pid: number) => vi.waitFor(() => expect(isRunning(pid)).toBe(false))],
    ['was killed at this very moment', 'SIGKILL', async () => undefined],
  ] as const)('that %s while it was idle is replaced by a new one', async (_how, signal, wait) => {
    const children = createChildren();
    await children.run(task(), context());
    const [idle = 0] = backupProcessesOf(process.pid);
    process.kill(idle, signal);
    await wait(idle);
    await expect(children.run(task(), context())).resolves.toMatchObject({ textEncoding: 'UTF-8' });
    expect(backupProcessesOf(process.pid)).not.toContain(idle);
  });

  it('does not keep its host alive, and goes with it', async () => {
    const module = new URL('../../../dist/engines/sqlite/children.js', import.meta.url).href;
    const script = `
      import { Children } from ${JSON.stringify(module)};
      const context = { signal: new AbortController().signal, lockFile: null, onProgress: () => undefined };
      await new Children().run({ task: 'snapshot', input: JSON.parse(process.argv[1]) }, context);
      process.once('disconnect', () => undefined); // Until then the channel keeps it alive.
      process.send('done');
    `;
    const destination = join(temporaryFolder(), 'snapshot.db');
    const input = { live: liveFile(), destination, level: 'quick', requiredTables: [], method: 'clone' };
    const host = spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(input)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    onTestFinished(() => void host.kill('SIGKILL'));
    await once(host, 'message');
    const children = backupProcessesOf(host.pid ?? 0);
    expect(children).toHaveLength(1);
    const copiers = children.flatMap(childrenOf);
    expect(copiers).toHaveLength(1);
    const exited = once(host, 'exit');
    host.disconnect();
    expect(await exited).toEqual([0, null]);
    await vi.waitFor(() => expect([...children, ...copiers].filter(isRunning)).toEqual([]), { timeout: 2_000 });
  });

  it('is one, however many worked at once', async () => {
    const children = createChildren();
    await Promise.all([1, 2, 3].map(() => children.run(task(), context())));
    expect(backupProcessesOf(process.pid)).toHaveLength(1);
  });
});

it('the lock file is held by the child itself for as long as it works', async () => {
  const lockFile = join(temporaryFolder(), 'operation.lock');
  createDatabase(lockFile, { wal: false, rows: 1 }).close();
  const other = openAgain(lockFile);
  other.pragma('busy_timeout = 0');
  let refused: unknown;
  const { outcome } = await restoreInChild(
    async () => {
      try {
        other.exec('BEGIN EXCLUSIVE');
      } catch (error) {
        refused = (error as { code: string }).code;
      }
    },
    { lockFile },
  );
  await outcome;
  expect(refused).toBe('SQLITE_BUSY');
  expect(() => other.exec('BEGIN EXCLUSIVE; ROLLBACK')).not.toThrow();
});

it('a child that is killed is a clear error, and the live database is as it was', async () => {
  const { live, outcome } = await restoreInChild(async () => {
    for (const pid of backupProcessesOf(process.pid)) process.kill(pid, 'SIGKILL');
  });
  await expect(outcome).rejects.toMatchObject({
    code: 'engine_crashed',
    message: 'The backup process was ended by SIGKILL before its work was done.',
  });
  expect(generations(live)).toBe('live:500');
});

it('an abort before the start starts nothing', async () => {
  const reason = new Error('cancelled');
  await expect(runInChild(inspectTask(liveFile()), context({ signal: AbortSignal.abort(reason) }))).rejects.toBe(
    reason,
  );
  expect(backupProcessesOf(process.pid)).toEqual([]);
});

it('an abort before the commit ends the child and leaves the live database as it was', async () => {
  const controller = new AbortController();
  const reason = new Error('cancelled');
  const { live, outcome } = await restoreInChild(() => controller.abort(reason), { signal: controller.signal });
  await expect(outcome).rejects.toBe(reason);
  expect([generations(live), backupProcessesOf(process.pid)]).toEqual(['live:500', []]);
});

it('an abort after the last page was reached comes too late', async () => {
  const controller = new AbortController();
  const onProgress = ({ phase, done, total }: Progress): void => {
    if (phase === 'replacing' && done === total - 1) controller.abort(new Error('too late'));
  };
  const { live, outcome } = await restoreInChild(() => undefined, { signal: controller.signal, onProgress });
  await expect(outcome).resolves.toMatchObject({ problems: [], safety: { snapshotBytes: expect.any(Number) } });
  expect([controller.signal.aborted, generations(live)]).toEqual([true, 'backup:500']);
});

/** A copy of the built package whose child was changed, as a bundler or a crash would. */
async function changedPackage(change: (entry: string) => void): Promise<typeof runInChild> {
  const copy = join(temporaryFolder(), 'dist');
  cpSync(dist, copy, { recursive: true });
  writeFileSync(join(dirname(copy), 'package.json'), '{"type": "module"}');
  change(join(copy, 'engines', 'sqlite', 'child', 'main.js'));
  const module = await import(pathToFileURL(join(copy, 'engines', 'sqlite', 'children.js')).href);
  const changed = new (module as { Children: typeof Children }).Children();
  return (task, engineContext) => changed.run(task, engineContext);
}

it('a package without the file of its child says that a bundler has swallowed it', async () => {
  const run = await changedPackage((entry) => rmSync(entry));
  await expect(run(inspectTask('app.db'), context())).rejects.toMatchObject({
    code: 'tool_missing',
    message: expect.stringContaining('mark it as external'),
  });
});

it('the last words of a child that fails are the cause, and no more of them than a log can bear', async () => {
  const run = await changedPackage((entry) =>
    writeFileSync(entry, "import fs from 'node:fs'; fs.writeSync(2, 'last words '.repeat(100_000)); process.exit(3);"),
  );
  const error = (await run(inspectTask('app.db'), context()).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: 'engine_crashed', message: expect.stringContaining('ended with code 3') });
  const { message } = error.cause as Error;
  expect(message).toMatch(/last words last words $/);
  expect(message.length).toBeLessThan(10 * 1024);
});

it('a child that ends with an answer half said leaves nothing but its last words', async () => {
  const run = await changedPackage((entry) =>
    writeFileSync(entry, "process.on('message', () => { process.stderr.write('out of memory'); process.abort(); });"),
  );
  await expect(run(inspectTask('app.db'), context())).rejects.toMatchObject({
    code: 'engine_crashed',
    cause: { message: expect.stringContaining('out of memory') },
  });
});

it('a child that cannot be started is a clear error', async () => {
  const { execPath } = process;
  onTestFinished(() => {
    process.execPath = execPath;
  });
  process.execPath = join(temporaryFolder(), 'no-node');
  await expect(runInChild(inspectTask(liveFile()), context())).rejects.toMatchObject({
    code: 'engine_crashed',
    message: expect.stringContaining('could not be started'),
  });
});

it('every file that the child starts from is in the built package', () => {
  const files = readdirSync(join(dist, 'engines', 'sqlite', 'child'), { recursive: true });
  expect(files).toEqual(expect.arrayContaining(['main.js', 'thread.js', join('copier', 'copier.js')]));
  expect(files).toContain(join('database', 'look-at-headers.js'));
});
