import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { startFixture } from '../helpers/fixture-process.js';
import { addLedger, ledgerCounters, ledgerTables } from '../helpers/ledger.js';
import { inspect, integrity, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, storedBackups, type Workspace } from '../helpers/workspace.js';

const restores = 200;
const rows = 300;
/** One that takes longer hangs. */
const longestRestoreMs = 60_000;
/** What any reader may see: all of one backup or all of the other. */
const states = { a: JSON.stringify([[['a', rows]], [1]]), b: JSON.stringify([[['b', rows]], [2]]) };

const moveLedger = (database: Database.Database): void => {
  for (const table of ledgerTables) database.exec(`UPDATE ${table} SET counter = counter + 1`);
};

/** Two backups whose every table differs. */
async function createTwoStates(): Promise<Workspace & { readonly a: string; readonly b: string }> {
  const workspace = createWorkspace({ live: { rows, generation: 'a' } });
  const { database, service } = workspace;
  addLedger(database, 20);
  moveLedger(database);
  const a = await service.create();
  database.transaction(() => {
    moveLedger(database);
    setGeneration(database, 'b');
  })();
  const b = await service.create();
  return { ...workspace, a: a.filename, b: b.filename };
}

interface HostLoad {
  readonly acknowledged: string[];
  readonly failures: string[];
  reads: number;
  stop(): void;
}

/** The host's own work on its event loop, with statements that were prepared before the first restore. */
function loadHost(database: Database.Database): HostLoad {
  // A write waits for the lock with the whole event loop, as it does in every application that uses better-sqlite3.
  const insert = database.prepare('INSERT INTO commits VALUES (?)');
  const groups = database.prepare('SELECT generation, count(*) FROM items GROUP BY generation').raw();
  const look = database.transaction(() => JSON.stringify([groups.all(), ledgerCounters(database)]));
  const load: HostLoad = { acknowledged: [], failures: [], reads: 0, stop: () => clearInterval(timer) };
  const turn = (): void => {
    const seen = look();
    if (!Object.values(states).includes(seen)) load.failures.push(`mixed: ${seen}`);
    const key = `host-${load.reads++}`;
    insert.run(key);
    load.acknowledged.push(key);
  };
  const timer = setInterval(() => {
    try {
      turn();
    } catch (error) {
      load.failures.push(String(error));
    }
  }, 5);
  onTestFinished(load.stop);
  return load;
}

const keysOf = (file: string): string[] =>
  inspect(file, (database) => database.prepare('SELECT key FROM commits').pluck().all()) as string[];

it(`${restores} restores into a database that is read and written here and elsewhere lose no commit, and no read fails or is mixed`, async () => {
  const { a, b, database, databaseFile, directory, service } = await createTwoStates();
  const host = loadHost(database);
  const expected = JSON.stringify(Object.values(states));
  const others = await Promise.all(['one', 'two'].map((name) => startFixture('load', databaseFile, name, expected)));
  for (let round = 0; round < restores; round++) {
    const receipt = await service.restore(round % 2 === 0 ? a : b, { signal: AbortSignal.timeout(longestRestoreMs) });
    expect(Object.values(receipt.checks)).not.toContain('failed');
  }
  host.stop();
  for (const other of others) other.send({ type: 'stop' });
  const ended = await Promise.all(others.map((other) => other.next('stopped')));

  expect([host.failures, ...ended.map(({ failures }) => failures)]).toEqual([[], [], []]);
  expect(ended.map(({ open }) => open)).toEqual([true, true]);
  expect(database.open).toBe(true);
  expect(Math.min(host.reads, ...ended.map(({ reads }) => Number(reads)))).toBeGreaterThan(restores);

  const safety = storedBackups(directory).filter((name) => name.includes('_safety_'));
  expect(safety).toHaveLength(restores);
  const kept = new Set(safety.flatMap((name) => keysOf(join(directory, name))).concat(keysOf(databaseFile)));
  const acknowledged = [...host.acknowledged, ...ended.flatMap((end) => end.acknowledged as string[])];
  expect(host.acknowledged.length).toBeGreaterThan(restores);
  expect(acknowledged.filter((key) => !kept.has(key))).toEqual([]);
  expect(integrity(database)).toBe('ok');
}, 900_000);
