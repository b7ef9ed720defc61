import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type FixtureProcess, type Message, startFixture } from '../helpers/fixture-process.js';
import { inspect, integrity } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles, storedBackups, type Workspace } from '../helpers/workspace.js';

const workers = [0, 1, 2, 3];
const rounds = 8;

interface Cluster extends Workspace {
  readonly filename: string;
  readonly app: FixtureProcess;
  ask(worker: number, verb: string, ...parameters: unknown[]): void;
  answers(count: number): Promise<Message[]>;
}

async function startCluster(): Promise<Cluster> {
  const workspace = createWorkspace({ live: { rows: 5_000 } });
  const { filename } = await workspace.service.create();
  await workspace.service.update(filename, { pinned: true });
  const app = await startFixture('cluster-app', workspace.folder);
  const ask = (worker: number, verb: string, ...parameters: unknown[]): void =>
    app.send({ type: 'call', worker, verb, parameters });
  const answers = async (count: number): Promise<Message[]> => {
    const told: Message[] = [];
    while (told.length < count) told.push(await app.next('done'));
    return told;
  };
  return { ...workspace, filename, app, ask, answers };
}

it('four workers that change the vault at once do so one at a time; the others are told which operation runs', async () => {
  const { ask, answers, filename, directory, database, service } = await startCluster();
  const created: unknown[] = [];
  for (let round = 0; round < rounds; round++) {
    const verbs = ['create', 'restore', 'cleanup', 'create'];
    for (const worker of workers) {
      const verb = verbs[(worker + round) % verbs.length] ?? '';
      ask(worker, verb, ...(verb === 'restore' ? [filename] : []));
      ask(worker, 'list');
      ask(worker, 'status');
    }
    const told = await answers(3 * workers.length);
    const changing = told.filter(({ verb }) => verb !== 'list' && verb !== 'status');
    const refused = changing.filter(({ code }) => code !== undefined);
    expect(refused.filter(({ code }) => code !== 'operation_in_progress')).toEqual([]);
    expect(refused.length).toBeLessThan(changing.length);
    expect(told.filter(({ verb, code }) => (verb === 'list' || verb === 'status') && code !== undefined)).toEqual([]);
    created.push(...changing.filter(({ verb, code }) => verb === 'create' && code === undefined));
  }
  expect(created.length).toBeGreaterThan(0);
  expect(stagedFiles(directory)).toEqual([]);
  expect(integrity(database)).toBe('ok');
  for (const name of storedBackups(directory)) {
    expect(inspect(join(directory, name), integrity)).toBe('ok');
    expect(await service.verify(name, { level: 'quick' })).toMatchObject({ ok: true });
  }
});

it('while one worker restores, every other is refused and sees which operation it is', async () => {
  const { app, ask, answers, filename, database } = await startCluster();
  database.exec('BEGIN IMMEDIATE');
  ask(0, 'restore', filename);
  while ((await app.next('operation')).phase !== 'waiting for the write lock');
  ask(1, 'create');
  ask(2, 'cleanup');
  ask(3, 'restore', filename);
  const refused = { code: 'operation_in_progress', operation: { type: 'restore', state: 'running' } };
  for (const answer of await answers(3)) expect(answer).toMatchObject(refused);
  for (const worker of [1, 2, 3]) ask(worker, 'status');
  for (const answer of await answers(3)) expect(answer).toMatchObject({ value: { operation: { type: 'restore' } } });
  database.exec('COMMIT');
  expect(await answers(1)).toMatchObject([{ worker: 0, value: { restored: filename } }]);
});

it('a worker that is killed in its operation frees the lock, and what it left is swept by the next start', async () => {
  const { app, ask, answers, filename, database, directory, folder, service } = await startCluster();
  database.exec('BEGIN IMMEDIATE');
  ask(0, 'restore', filename);
  while ((await app.next('operation')).phase !== 'waiting for the write lock');
  app.send({ type: 'kill', worker: 0 });
  expect(await app.next('exit')).toMatchObject({ worker: 0 });
  database.exec('COMMIT');
  await expect
    .poll(async () => {
      ask(1, 'create');
      return (await answers(1))[0];
    })
    .toMatchObject({ worker: 1, value: { status: 'completed' } });
  await service.start();
  expect(stagedFiles(directory)).toEqual([]);
  expect(existsSync(join(folder, 'app.db'))).toBe(true);
  expect(integrity(database)).toBe('ok');
  ask(2, 'status');
  expect(await answers(1)).toMatchObject([{ value: { operation: null } }]);
});
