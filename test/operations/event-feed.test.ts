import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as realDelay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import type { Operation } from '../../dist/coordination/operation.js';
import { createOperationsLog } from '../../dist/coordination/operations-log.js';
import { createEvents } from '../../dist/events/event-listeners.js';
import type { ServiceEvents } from '../../dist/events/service-events.js';
import { EventFeed } from '../../dist/operations/follow/event-feed.js';
import type { FeedEvent } from '../../dist/operations/follow/feed-event.js';
import type { FeedParts } from '../../dist/operations/follow/feed-session.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

const id = '20260101T000000000Z-0123456789ab';
const operation = (change: Partial<Operation> = {}): Operation => ({
  id,
  type: 'create',
  state: 'running',
  startedAt: '2026-01-01T00:00:00.000Z',
  startedBy: 'host',
  finishedAt: null,
  phase: 'copying',
  progress: null,
  result: null,
  problem: null,
  ...change,
});

interface FeedBench {
  readonly feed: EventFeed;
  readonly emit: (operation: Operation) => void;
  /** Listeners that are registered now. */
  readonly listeners: () => number;
  /** How often the directory of the records was listed. */
  readonly listed: () => number;
  readonly faults: unknown[];
  readonly stateDirectory: string;
}

function createFeedBench(): FeedBench {
  const stateDirectory = temporaryFolder();
  const clock = (): Date => new Date();
  const real = createOperationsLog({
    stateDirectory,
    isAlive: () => true,
    clock,
    onInterrupted: async () => undefined,
  });
  let listed = 0;
  const counted =
    <Result>(read: () => Promise<Result>) =>
    () => {
      listed++;
      return read();
    };
  const log = { ...real, list: counted(real.list), ids: counted(real.ids) };
  const events = createEvents<ServiceEvents>();
  let listeners = 0;
  const on: typeof events.on = (name, listener) => {
    const off = events.on(name, listener);
    listeners++;
    return () => {
      listeners--;
      off();
    };
  };
  const faults: unknown[] = [];
  const parts = {
    log,
    clock,
    events: { ...events, on },
    place: { stateDirectory },
    vault: { list: async () => [] },
    runner: { running: () => [], current: async () => null, told: (error: unknown) => faults.push(error) },
    schedule: { isActive: false, read: async () => null },
    maintenance: { isRaised: () => false },
  } as unknown as FeedParts;
  return {
    feed: new EventFeed(parts),
    emit: (told) => events.emit('operation', told),
    listeners: () => listeners,
    listed: () => listed,
    faults,
    stateDirectory,
  };
}

function reader() {
  const told: FeedEvent[] = [];
  let ended = 0;
  return { told, ended: () => ended, tell: (event: FeedEvent) => void told.push(event), end: () => void ended++ };
}

const phases = (told: readonly FeedEvent[]): string[] =>
  told.flatMap((event) => (event.name === 'operation' ? event.data.phase : []));

/** Time that only passes when the test says so, also for `performance.now()`; files are read in real time. */
const holdTime = (): void =>
  void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'setTimeout', 'clearTimeout'] });

afterEach(() => {
  vi.useRealTimers();
});

it('a hundred readers are watched for once, and when the last has left nothing is', async () => {
  holdTime();
  const { feed, listeners, listed } = createFeedBench();
  expect([listeners(), vi.getTimerCount()]).toEqual([0, 0]);
  const leave = await feed.follow(reader());
  const watching = listeners();
  for (let count = 0; count < 100; count++) (await feed.follow(reader()))();
  const others = await Promise.all(Array.from({ length: 100 }, () => feed.follow(reader())));
  expect([listeners(), vi.getTimerCount(), listed()]).toEqual([watching, 1, 1]);
  for (const stop of [...others, ...others]) stop();
  expect(vi.getTimerCount()).toBe(1);
  leave();
  expect([listeners(), vi.getTimerCount()]).toEqual([0, 0]);
});

it('progress is told four times a second at most, a new phase and the end at once, and the newest state always', async () => {
  holdTime();
  const { feed, emit } = createFeedBench();
  const { told, ...mine } = reader();
  const leave = await feed.follow(mine);
  const at = (done: number): Operation => operation({ progress: { done, total: 1_000, unit: 'bytes' } });
  const fractions = (): unknown[] =>
    told.flatMap((event) => (event.name === 'operation' ? event.data.progress?.fraction : []));
  for (let done = 0; done <= 100; done++) emit(at(done));
  expect(fractions()).toEqual([0]);
  await vi.advanceTimersByTimeAsync(250);
  expect(fractions()).toEqual([0, 0.1]);
  for (let step = 0; step < 40; step++) {
    emit(at(100 + step));
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(fractions().length).toBeLessThanOrEqual(2 + 9);
  emit(operation({ phase: 'verifying' }));
  emit(operation({ phase: 'publishing' }));
  emit(operation({ phase: 'done', state: 'succeeded', finishedAt: '2026-01-01T00:00:01.000Z' }));
  expect(phases(told).slice(-3)).toEqual(['verifying', 'publishing', 'done']);
  const after = told.length;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told.length).toBe(after);
  leave();
});

it('a reader that throws keeps nothing from the others', async () => {
  const { feed, emit, faults } = createFeedBench();
  const fault = new Error('no more');
  let begun = false;
  const throwing = (): void => {
    if (begun) throw fault;
  };
  await feed.follow({ tell: throwing, end: throwing });
  const second = reader();
  await feed.follow(second);
  begun = true;
  emit(operation());
  feed.close();
  expect(phases(second.told)).toEqual(['copying']);
  expect(second.ended()).toBe(1);
  expect(faults).toEqual([fault, fault]);
});

it('a fault of the disk is told to the host once, and again when it comes back', async () => {
  holdTime();
  const { feed, faults, stateDirectory } = createFeedBench();
  const leave = await feed.follow(reader());
  const directory = join(stateDirectory, 'operations');
  const look = async (): Promise<void> => {
    for (let ticks = 0; ticks < 6; ticks++) {
      await vi.advanceTimersByTimeAsync(500);
      await realDelay(20);
    }
  };
  const told = async (): Promise<number> => {
    await look();
    return faults.length;
  };
  writeFileSync(directory, 'no directory');
  await expect.poll(told).toBe(1);
  await look();
  expect(faults).toHaveLength(1);
  rmSync(directory);
  await look();
  writeFileSync(directory, 'no directory');
  await expect.poll(told).toBe(2);
  leave();
});

it('a closed feed ends its readers and takes no other', async () => {
  const { feed, listeners } = createFeedBench();
  const readers = [reader(), reader()];
  await feed.follow(readers[0] ?? reader());
  const late = feed.follow(readers[1] ?? reader());
  feed.close();
  feed.close();
  await expect(late).rejects.toMatchObject({ code: 'operation_cancelled' });
  expect(readers.map(({ ended }) => ended())).toEqual([1, 1]);
  await expect(feed.follow(reader())).rejects.toMatchObject({ code: 'operation_cancelled' });
  expect(listeners()).toBe(0);
});

it('a reader that comes while an operation tries for the lock is not told of it before it has begun', async () => {
  const { service, database, databaseFile, directory } = createWorkspace();
  await service.create();
  const other = openService({ database: databaseFile, directory }).service;
  database.exec('BEGIN IMMEDIATE');
  const restore = other.restore('latest');
  const { id } = await restore.started;
  const refused = service.create();
  const outcome = expect(refused).rejects.toMatchObject({ code: 'operation_in_progress' });
  const { told, ...mine } = reader();
  const stop = await service.follow(mine);
  await outcome;
  database.exec('COMMIT');
  await restore;
  const ids = new Set(told.flatMap((event) => (event.name === 'operation' ? event.data.id : [])));
  expect([...ids]).toEqual([id]);
  stop();
});
