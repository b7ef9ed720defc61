import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Children } from '../../../dist/engines/sqlite/children.js';
import { backupProcessesOf, isRunning } from '../../helpers/child-processes.js';
import { databaseOf, tamperSchema } from '../../helpers/database-files.js';

/** A small file whose integrity check computes for minutes, in one call of SQLite, and finds nothing wrong. */
function endlessFile(): string {
  const rows = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000) SELECT x FROM n';
  const file = databaseOf(`CREATE TABLE plain (x INT); CREATE INDEX by_x ON plain (x); INSERT INTO plain ${rows};`);
  const slow = "x + 0 * instr(hex(zeroblob(20000000 + x)), ''1'')";
  tamperSchema(file, `UPDATE sqlite_schema SET sql = 'CREATE INDEX by_x ON plain (${slow})' WHERE name = 'by_x'`);
  return file;
}

it('an abort ends a child that is in an endless call of SQLite', async () => {
  const controller = new AbortController();
  const reason = new Error('the deadline has passed');
  let child: number | undefined;
  const onProgress = (): void => {
    [child] = backupProcessesOf(process.pid);
    // The child is inside the check by the time the event loop has turned.
    setImmediate(() => controller.abort(reason));
  };
  const task = { task: 'normalise', input: { file: endlessFile() } };
  await expect(new Children().run(task, { signal: controller.signal, onProgress, lockFile: null })).rejects.toBe(
    reason,
  );
  expect(child).toBeDefined();
  expect(isRunning(child ?? 0)).toBe(false);
});

it('a host that is killed takes its child with it within a second, even out of an endless call of SQLite', async () => {
  const module = new URL('../../../dist/engines/sqlite/children.js', import.meta.url).href;
  const script = `
    import { Children } from ${JSON.stringify(module)};
    const context = { signal: new AbortController().signal, lockFile: null, onProgress: () => console.log('checking') };
    await new Children().run({ task: 'normalise', input: { file: process.argv[1] } }, context);
  `;
  const host = spawn(process.execPath, ['--input-type=module', '-e', script, endlessFile()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void host.kill('SIGKILL'));
  await once(host.stdout, 'data');
  const [child] = backupProcessesOf(host.pid ?? 0);
  expect(isRunning(child ?? 0)).toBe(true);
  host.kill('SIGKILL');
  await vi.waitFor(() => expect(isRunning(child ?? 0)).toBe(false), { timeout: 1_000, interval: 10 });
});
