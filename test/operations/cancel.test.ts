import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BackupService, BackupServiceOptions, Operation } from 'express-db-backup';
import { describe, expect, it, onTestFinished } from 'vitest';
import { backupProcessesOf, isRunning } from '../helpers/child-processes.js';
import { makeEndlessFile } from '../helpers/endless-file.js';
import { startFixture } from '../helpers/fixture-process.js';
import { addOldBackups, createKillBench } from '../helpers/kill-bench.js';
import { inspect } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, stagedFiles, storedBackups } from '../helpers/workspace.js';

interface Endless {
  readonly folder: string;
  readonly databaseFile: string;
  readonly directory: string;
  readonly filename: string;
  /** One that does not check what it creates, so that it comes to an end. */
  readonly unchecking: BackupService;
}

const checkAll = { verifyOnCreate: 'full' } as const;

/** A live database, with a backup of it, whose full check takes an hour: whatever checks it ends by a cancel alone. */
async function prepareEndless(): Promise<Endless> {
  const folder = temporaryFolder();
  const databaseFile = join(folder, 'app.db');
  const directory = join(folder, 'backups');
  makeEndlessFile(databaseFile);
  const { service } = openService({ database: databaseFile, directory, verifyOnCreate: 'none' });
  const { filename } = await service.create();
  return { folder, databaseFile, directory, filename, unchecking: service };
}

const verbs: [verb: string, parameters: (endless: Endless) => unknown[]][] = [
  ['create', () => []],
  ['verify', ({ filename }) => [filename]],
  ['importFile', ({ directory, filename }) => [join(directory, filename)]],
  ['restore', ({ filename }) => [filename]],
];

async function expectUndone({ unchecking, directory, databaseFile, filename }: Endless, id: string): Promise<void> {
  const cancelled = { state: 'cancelled', problem: { code: 'operation_cancelled' } };
  expect(await unchecking.operation(id)).toMatchObject(cancelled);
  expect(inspect(databaseFile, (live) => live.prepare('SELECT value FROM trap').pluck().all())).toEqual(['x']);
  expect(storedBackups(directory)).toEqual([filename]);
  expect(readdirSync(join(directory, 'metadata'))).toEqual([filename.replace('.db', '.json')]);
  expect(stagedFiles(directory)).toEqual([]);
  await expect(unchecking.create()).resolves.toMatchObject({ status: 'completed' });
}

describe('a cancel', () => {
  it.each(verbs)('ends a %s that runs, undoes it and frees the lock', async (verb, parametersOf) => {
    const endless = await prepareEndless();
    const { service } = openService({ database: endless.databaseFile, directory: endless.directory, ...checkAll });
    const others = backupProcessesOf(process.pid);
    const begun = firstProgress(service);
    const call = service[verb as 'create'] as (...parameters: unknown[]) => Promise<unknown>;
    const run = call(...parametersOf(endless));
    run.catch(() => undefined);
    const { id } = await begun;
    const processes = backupProcessesOf(process.pid).filter((pid) => !others.includes(pid));
    expect(processes).toHaveLength(1);
    await service.cancel(id);
    await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
    expect(processes.filter(isRunning)).toEqual([]);
    await expectUndone(endless, id);
  });

  it.each(verbs)('ends a %s that another process runs, undoes it and frees the lock', async (verb, parametersOf) => {
    const endless = await prepareEndless();
    const app = await startFixture('app', endless.folder, JSON.stringify(checkAll));
    app.send({ type: 'call', verb, parameters: parametersOf(endless) });
    let told = await app.next('operation');
    while (told.phase === 'starting') told = await app.next('operation');
    const processes = backupProcessesOf(app.pid);
    expect(processes).toHaveLength(1);
    await endless.unchecking.cancel(String(told.id));
    expect(await app.next('done', 'failed')).toMatchObject({ type: 'failed', code: 'operation_cancelled' });
    expect(processes.filter(isRunning)).toEqual([]);
    await expectUndone(endless, String(told.id));
  });

  it('stops a cleanup between two backups, and the vault is whole', async () => {
    const bench = await createKillBench(1);
    addOldBackups(bench, 150);
    const { databaseFile, directory } = bench;
    const { service } = openService({ database: databaseFile, directory, retention: { keep: 1 } });
    const watcher = watch(directory);
    onTestFinished(() => watcher.close());
    const run = service.cleanup();
    const { id } = await run.started;
    await once(watcher, 'change');
    await service.cancel(id);
    await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
    const left = storedBackups(directory);
    expect(left.length).toBeGreaterThan(1);
    expect(left.length).toBeLessThan(152);
    expect(readdirSync(join(directory, 'metadata'))).toHaveLength(left.length);
    await expect(service.cleanup()).resolves.toMatchObject({ failed: [] });
  });
});

const firstProgress = (service: BackupService): Promise<Operation> =>
  new Promise((resolve) => {
    service.on('operation', (operation) => operation.phase !== 'starting' && resolve(operation));
  });

/** Two verifications that do not end, and a third that waits for its turn. */
async function fillSlots(limits: BackupServiceOptions['limits'] = {}) {
  const { databaseFile, directory } = await prepareEndless();
  const { service } = openService({ database: databaseFile, directory, limits });
  const verify = () => {
    const run = service.verify('latest');
    run.catch(() => undefined);
    return run;
  };
  const running = [verify(), verify()];
  const queued = verify();
  const ids = await Promise.all([...running, queued].map(async ({ started }) => (await started).id));
  return { service, running, queued, ids };
}

describe('an operation that waits for its turn', () => {
  it('is cancelled at once, not when its turn comes', async () => {
    const { service, running, queued, ids } = await fillSlots();
    await service.cancel(ids[2] ?? '');
    await expect(queued).rejects.toMatchObject({ code: 'operation_cancelled' });
    await expect(Promise.race([...running, delay(20, 'still running')])).resolves.toBe('still running');
    for (const id of ids) await service.cancel(id);
    await expect(Promise.allSettled(running)).resolves.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    await expect(service.verify('latest', { level: 'quick' })).resolves.toMatchObject({ ok: true });
  });

  it('ends at its own deadline, not at one that begins with its turn', async () => {
    const operationMs = 2_000;
    const { queued } = await fillSlots({ operationMs });
    const startedAt = performance.now();
    await expect(queued).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(performance.now() - startedAt).toBeLessThan(1.7 * operationMs);
  });
});

it('what cannot be removed from staging is told to the host, and makes no failure of a success', async () => {
  const { directory, service, internalErrors } = createWorkspace();
  const staging = join(directory, '.state', 'staging');
  const goOn = service.on('operation', ({ phase, id }) => {
    if (phase !== 'publishing') return;
    goOn();
    const cwd = join(staging, readdirSync(staging)[0] ?? '', id);
    // A path longer than the system takes (PATH_MAX) is made step by step, and cannot be named to be removed.
    const deep = 'x'.repeat(200);
    const script = `for i in $(seq 19); do mkdir ${deep}; cd ${deep}; done; mkdir -p ${deep}/${deep}`;
    execFileSync('sh', ['-c', script], { cwd });
  });
  onTestFinished(() => void execFileSync('rm', ['-rf', staging]));
  await expect(service.create()).resolves.toMatchObject({ status: 'completed' });
  expect(internalErrors.splice(0)).toMatchObject([{ code: 'ENAMETOOLONG' }]);
});
