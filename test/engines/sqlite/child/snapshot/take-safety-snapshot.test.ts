import { readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../../../../dist/engines/database-content.js';
import { SafetySnapshot } from '../../../../../dist/engines/sqlite/child/snapshot/take-safety-snapshot.js';
import { damagePages } from '../../../../helpers/database-files.js';
import { generations, inspect, openDatabase, setGeneration } from '../../../../helpers/live-database.js';
import { type RecordedContext, taskContext } from '../../../../helpers/task-context.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

interface Scene {
  readonly live: Database.Database;
  readonly destination: string;
  readonly context: RecordedContext;
  /** Takes the snapshot as a restore does; `before` happens between what needs no lock and the lock. */
  take(before?: () => void, onCopied?: () => void): Promise<Snapshot>;
}

function scene({ wal, lock = 'BEGIN IMMEDIATE' }: { wal: boolean; lock?: string }, change = {}): Scene {
  const live = openDatabase(join(temporaryFolder(), 'app.db'), { wal, rows: 5_000 });
  live.pragma('wal_checkpoint(TRUNCATE)');
  const destination = join(temporaryFolder(), 'safety.db');
  const context = { ...taskContext(), ...change };
  return {
    live,
    destination,
    context,
    async take(before = () => undefined, onCopied = () => undefined) {
      const safety = new SafetySnapshot({ live: live.name, safetyDestination: destination }, context);
      try {
        await safety.prepare();
        before();
        live.exec(lock);
        return await safety.take(onCopied);
      } finally {
        safety.release();
        if (live.inTransaction) live.exec('ROLLBACK');
      }
    },
  };
}

describe.each([
  ['a write-ahead log', { wal: true }],
  ['a rollback journal', { wal: false, lock: 'BEGIN EXCLUSIVE' }],
])('under a write lock, with %s', (_mode, options) => {
  it('the copy is whole, private, and told as the phase of securing', async () => {
    const { destination, context, take } = scene(options);
    const taken = await take();
    expect(taken.verification).toMatchObject({ ok: true, checks: { quick_check: 'passed' } });
    expect(taken.source.size).toBe(statSync(destination).size);
    expect(statSync(destination).mode & 0o777).toBe(0o600);
    expect(readFileSync(destination)[18]).toBe(1);
    expect(inspect(destination, generations)).toBe('first:5000');
    expect(new Set(context.progress.map(({ phase }) => phase))).toEqual(new Set(['securing']));
  });

  it('the copy has every commit up to the lock, and a schema that was changed before it', async () => {
    const { live, destination, take } = scene(options);
    const taken = await take(() => {
      setGeneration(live, 'last');
      live.exec('CREATE TABLE late (x); INSERT INTO late VALUES (1)');
    });
    expect(taken).toMatchObject({ verification: { ok: true }, tables: { items: 5_000, late: 1 } });
    expect(inspect(destination, generations)).toBe('last:5000');
  });

  it('a damaged database is copied as it is, and its verdict says so', async () => {
    const { live, take } = scene(options);
    damagePages(live.name, 20, 3);
    expect((await take()).verification).toMatchObject({ ok: false, checks: { quick_check: 'failed' } });
  });

  it('nothing may be replaced before the copy is there', async () => {
    const { destination, take } = scene(options);
    let bytes = 0;
    await take(undefined, () => {
      bytes = statSync(destination).size;
    });
    expect(bytes).toBe(statSync(destination).size);
  });

  it('a copy that cannot be written for want of room is an error', async () => {
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const { take } = scene(options, { copy: () => Promise.reject(full) });
    await expect(take()).rejects.toBe(full);
  });
});

it('a clone that does not pass is taken again page by page, of what was there before the restore wrote', async () => {
  let finished = 0;
  const { context, destination, live, take } = scene({ wal: true });
  const beside = context.beside;
  Object.assign(context, {
    beside: async (task: string, input: object) => {
      if (++finished === 1) throw new Error('the clone cannot be read');
      return beside(task, input);
    },
  });
  const taken = await take(undefined, () => live.exec("UPDATE items SET generation = 'replaced'"));
  expect([finished, taken.verification.ok]).toEqual([2, true]);
  expect(inspect(destination, generations)).toBe('first:5000');
});

it('a database that gets a write-ahead log between the copy of its file and the lock loses no commit', async () => {
  const { live, destination, take } = scene({ wal: false, lock: 'BEGIN IMMEDIATE' });
  const taken = await take(() => {
    live.pragma('journal_mode = WAL');
    live.pragma('wal_autocheckpoint = 0');
    setGeneration(live, 'in the log');
  });
  expect(taken.verification.ok).toBe(true);
  expect(inspect(destination, generations)).toBe('in the log:5000');
});

it('the log of a file that takes the place of the live one is not put to the copy of the other', async () => {
  const folder = temporaryFolder();
  for (const generation of ['first', 'second']) openDatabase(join(folder, `${generation}.db`), { generation });
  const live = join(folder, 'app.db');
  symlinkSync('first.db', live);
  const safety = new SafetySnapshot({ live, safetyDestination: join(folder, 'safety.db') }, taskContext());
  await safety.prepare();
  rmSync(live);
  symlinkSync('second.db', live);
  await expect(safety.take(() => undefined)).rejects.toMatchObject({ code: 'database_busy' });
  safety.release();
});
