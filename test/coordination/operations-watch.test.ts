import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OperationRecord } from '../../dist/coordination/operation.js';
import { createOperationsLog } from '../../dist/coordination/operations-log.js';
import { createOperationsWatch } from '../../dist/coordination/operations-watch.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const idOf = (count: number): string => `20260101T000000000Z-${count.toString(16).padStart(12, '0')}`;
const record = (id: string, change: Partial<OperationRecord> = {}): OperationRecord => ({
  id,
  type: 'create',
  state: 'running',
  startedAt: '2026-01-01T00:00:00.000Z',
  startedBy: 'elsewhere',
  finishedAt: null,
  phase: 'copying',
  progress: null,
  result: null,
  problem: null,
  instance: 'other',
  exclusive: true,
  ...change,
});
const done = { state: 'succeeded', finishedAt: '2026-01-01T00:00:09.000Z' } as const;

function createBench() {
  const stateDirectory = temporaryFolder();
  const directory = join(stateDirectory, 'operations');
  const dead = new Set<string>();
  const log = createOperationsLog({
    stateDirectory,
    isAlive: (instance) => !dead.has(instance),
    clock: () => new Date('2026-01-01T00:01:00.000Z'),
    onInterrupted: async () => undefined,
  });
  const reads: string[] = [];
  const watch = createOperationsWatch(stateDirectory, {
    ...log,
    ids: () => {
      reads.push('listing');
      return log.ids();
    },
    find: (id) => {
      reads.push(id);
      return log.find(id);
    },
  });
  const write = (id: string, change: Partial<OperationRecord> = {}): void => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${id}.json`), JSON.stringify(record(id, change)));
  };
  /** As if the last change were long ago. */
  const age = (): void => utimesSync(directory, new Date('2026-01-01'), new Date('2026-01-01'));
  const look = async (): Promise<string[]> => {
    const { changed, gone } = await watch.look();
    return [...changed.map(({ id, state }) => `${id} ${state}`), ...gone.map((id) => `${id} gone`)];
  };
  return { directory, dead, reads, watch, write, age, look };
}

const [a, b] = [idOf(1), idOf(2)] as const;

it('the first look tells what runs, the next what is new, went on or ended, each once', async () => {
  const { write, look } = createBench();
  expect(await look()).toEqual([]);
  write(a);
  expect(await look()).toEqual([`${a} running`]);
  expect(await look()).toEqual([]);
  write(a, { phase: 'publishing' });
  write(b, done);
  expect((await look()).sort()).toEqual([`${a} running`, `${b} succeeded`]);
  write(a, done);
  expect(await look()).toEqual([`${a} succeeded`]);
  expect(await look()).toEqual([]);
});

it('what had ended before the first look is not told', async () => {
  const { write, look } = createBench();
  write(a, done);
  write(b);
  expect(await look()).toEqual([`${b} running`]);
  write(b, done);
  expect(await look()).toEqual([`${b} succeeded`]);
});

it('an own operation is left out, from its first record on', async () => {
  const { write, look, watch } = createBench();
  write(a);
  watch.leaveOut(a);
  watch.leaveOut(b);
  expect(await look()).toEqual([]);
  write(b);
  write(a, done);
  expect(await look()).toEqual([]);
});

it('while nothing runs and nothing is written, nothing is listed and nothing read', async () => {
  const { write, look, age, reads } = createBench();
  for (let count = 0; count < 100; count++) write(idOf(count), done);
  await look();
  age();
  await look();
  reads.length = 0;
  for (let count = 0; count < 20; count++) expect(await look()).toEqual([]);
  expect(reads).toEqual([]);
  write(idOf(200));
  expect(await look()).toEqual([`${idOf(200)} running`]);
  expect(reads).toEqual(['listing', idOf(200)]);
});

it('a record that is written within the same tick of the clock as a look is seen by the next', async () => {
  const { directory, write, look } = createBench();
  write(a);
  await look();
  const now = new Date();
  write(a, done);
  utimesSync(directory, now, now);
  expect(await look()).toEqual([`${a} succeeded`]);
  write(b, done);
  utimesSync(directory, now, now);
  expect(await look()).toEqual([`${b} succeeded`]);
});

it('of a process that died its operation is told as interrupted, once', async () => {
  const { write, look, dead, age, watch } = createBench();
  write(a);
  await look();
  age();
  await look();
  dead.add('other');
  const { changed } = await watch.look();
  expect(changed).toMatchObject([{ id: a, state: 'failed', problem: { code: 'operation_interrupted' } }]);
  expect(await look()).toEqual([]);
});

it('when the vault is deleted, what ran is told as gone', async () => {
  const { directory, write, look } = createBench();
  write(a);
  await look();
  rmSync(directory, { recursive: true });
  expect(await look()).toEqual([`${a} gone`]);
  expect(await look()).toEqual([]);
  write(b);
  expect(await look()).toEqual([`${b} running`]);
});

it('what is no record tells nothing', async () => {
  const { directory, write, look } = createBench();
  await look();
  write(a);
  writeFileSync(join(directory, `${b}.json`), '{"half":');
  writeFileSync(join(directory, 'x.cancel'), '');
  expect(await look()).toEqual([`${a} running`]);
});
