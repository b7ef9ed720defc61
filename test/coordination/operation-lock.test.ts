import Database from 'better-sqlite3';
import type { Operation } from 'express-db-backup';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { childrenOf, isRunning } from '../helpers/child-processes.js';
import { type FixtureProcess, startFixture } from '../helpers/fixture-process.js';
import { generations, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles, type Workspace } from '../helpers/workspace.js';

interface Contest extends Workspace {
  readonly filename: string;
  /** Another process of the app, in a restore that waits for the write lock as long as `writer` holds it. */
  readonly holder: FixtureProcess;
  readonly writer: Database.Database;
  readonly operation: { readonly id: string; readonly startedAt: string };
}

async function createContest(): Promise<Contest> {
  const workspace = createWorkspace();
  const { filename } = await workspace.service.create();
  setGeneration(workspace.database, 'second');
  const writer = new Database(workspace.databaseFile);
  onTestFinished(() => void writer.close());
  writer.exec('BEGIN IMMEDIATE');
  const limits = { restoreWaitMs: 120_000 };
  const holder = await startFixture('app', workspace.folder, JSON.stringify({ limits }));
  holder.send({ type: 'call', verb: 'restore', parameters: [filename, { by: 'ada' }] });
  const told = await holder.next('operation');
  for (let { phase } = told; phase !== 'waiting for the write lock'; ) ({ phase } = await holder.next('operation'));
  const operation = { id: String(told.id), startedAt: String(told.startedAt) };
  return { ...workspace, filename, holder, writer, operation };
}

describe('while another process holds the lock', () => {
  let contest: Contest;
  beforeEach(async () => {
    contest = await createContest();
  });

  it.each<[string, (contest: Contest) => Promise<unknown>]>([
    ['create', ({ service }) => service.create()],
    ['restore', ({ service, filename }) => service.restore(filename)],
    ['cleanup', ({ service }) => service.cleanup()],
    ['remove', ({ service, filename }) => service.remove(filename)],
  ])('a %s is refused at once and says what runs, by whom and since when', async (_verb, call) => {
    const { operation, database } = contest;
    const startedAt = performance.now();
    await expect(call(contest)).rejects.toMatchObject({
      code: 'operation_in_progress',
      facts: { operation: { ...operation, type: 'restore', state: 'running', startedBy: 'ada' } },
    });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(generations(database)).toBe('second:500');
  });

  it('its operation can be seen from here, and its outcome too', async () => {
    const { service, operation, holder, writer, database } = contest;
    const running = { ...operation, type: 'restore', state: 'running', startedBy: 'ada', finishedAt: null };
    expect((await service.status()).operation).toMatchObject(running);
    expect(await service.operation(operation.id)).toMatchObject(running);
    writer.exec('COMMIT');
    const { value } = await holder.next('done');
    expect(await service.operation(operation.id)).toMatchObject({ state: 'succeeded', result: value });
    expect((await service.status()).operation).toBe(null);
    expect(generations(database)).toBe('first:500');
  });

  it('it can be cancelled from here: the operation is undone, and the lock is free', async () => {
    const { service, operation, holder, writer, database, directory } = contest;
    expect(await service.cancel(operation.id)).toMatchObject({ id: operation.id });
    expect(await holder.next('done', 'failed')).toMatchObject({ type: 'failed', code: 'operation_cancelled' });
    expect(await service.operation(operation.id)).toMatchObject({ state: 'cancelled' });
    writer.exec('COMMIT');
    expect(generations(database)).toBe('second:500');
    expect(stagedFiles(directory)).toEqual([]);
    await expect(service.create()).resolves.toMatchObject({ status: 'completed' });
  });

  it('a SIGKILL of it frees the lock at once, and its operation is told as failed, operation_interrupted', async () => {
    const { service, operation, holder, writer, database, directory } = contest;
    const children = childrenOf(holder.pid);
    expect(children).toHaveLength(1);
    await holder.kill();
    await expect(service.create()).resolves.toMatchObject({ status: 'completed' });
    expect(children.filter(isRunning)).toEqual([]);
    const ended: Operation = await service.operation(operation.id);
    expect(ended).toMatchObject({ state: 'failed', problem: { code: 'operation_interrupted', status: 500 } });
    expect(ended.finishedAt).not.toBe(null);
    expect((await service.status()).operation).toBe(null);
    await service.start();
    expect(stagedFiles(directory)).toEqual([]);
    writer.exec('COMMIT');
    expect(generations(database)).toBe('second:500');
  });

  it('a child of it that still works keeps the lock, although the process is dead', async () => {
    const { service, holder } = contest;
    const [child] = childrenOf(holder.pid);
    if (child === undefined) throw new Error('The restore has no process.');
    process.kill(child, 'SIGSTOP');
    onTestFinished(() => {
      if (isRunning(child)) process.kill(child, 'SIGKILL');
    });
    await holder.kill();
    await expect(service.create()).rejects.toMatchObject({ code: 'operation_in_progress', facts: { operation: null } });
    expect(isRunning(child)).toBe(true);
    process.kill(child, 'SIGCONT');
    await expect(service.create()).resolves.toMatchObject({ status: 'completed' });
    expect(isRunning(child)).toBe(false);
  });
});

describe('two callers at the same moment', () => {
  it('of two processes, one creates and the other is told of it', async () => {
    const { folder, service } = createWorkspace({ live: { rows: 5_000 } });
    await service.start();
    const apps = await Promise.all([startFixture('app', folder), startFixture('app', folder)]);
    for (const app of apps) app.send({ type: 'call', verb: 'create' });
    const answers = await Promise.all(apps.map((app) => app.next('done', 'failed')));
    const refused = answers.filter(({ type }) => type === 'failed');
    for (const { code } of refused) expect(code).toBe('operation_in_progress');
    const { backups, total } = await service.list();
    expect(total).toBe(2 - refused.length);
    for (const { filename } of backups) expect(await service.verify(filename)).toMatchObject({ ok: true });
  });

  it('of one service, the second is refused and the first is not disturbed', async () => {
    const { service } = createWorkspace();
    const [first, second] = await Promise.allSettled([service.create(), service.create()]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'operation_in_progress' } });
  });
});
