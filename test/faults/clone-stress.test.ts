import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { CopyProcess } from '../../dist/engines/sqlite/child/copier/copy-process.js';
import { removeClone } from '../../dist/engines/sqlite/child/snapshot/clone-live.js';
import { Children } from '../../dist/engines/sqlite/children.js';
import { startFixture } from '../helpers/fixture-process.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const accounts = 20_000;
const openingBalance = 1_000;
const snapshots = 120;
/** Without a pin about one copy in five is bad; so many attempts without a single one do not happen. */
const mostUnpinned = 300;

let folder: string;
let live: Database.Database;

/** A database that two other processes write to, each in a way that makes a copy of the file and its log hard to take. */
async function startWriters(): Promise<void> {
  folder = temporaryFolder();
  live = new Database(join(folder, 'app.db'));
  live.pragma('journal_mode = WAL');
  live.exec(`
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INT, filler BLOB);
    CREATE TABLE ticks (n INT); INSERT INTO ticks VALUES (0);
    CREATE TABLE log (id INTEGER PRIMARY KEY, filler BLOB);
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${accounts})
    INSERT INTO accounts SELECT x, ${openingBalance}, randomblob(200) FROM n;
  `);
  await startFixture('stress-writer', live.name, '20');
  await startFixture('stress-writer', live.name, '1000');
}

const ticks = (database: Database.Database): number => Number(database.prepare('SELECT n FROM ticks').pluck().get());

/** What is wrong with a copy that was begun after so many ticks; null for a consistent state that is not too old. */
function faultOf(file: string, ticksBefore: number): string | null {
  const database = new Database(file);
  try {
    const integrity = database.pragma('integrity_check(1)', { simple: true });
    if (integrity !== 'ok') return String(integrity);
    const sum = database.prepare('SELECT sum(balance) FROM accounts').pluck().get();
    if (sum !== accounts * openingBalance) return `the balances sum up to ${sum}`;
    return ticks(database) < ticksBefore ? 'commits are missing' : null;
  } catch (error) {
    return String(error);
  } finally {
    database.close();
  }
}

describe('under two writers that spill, checkpoint in every mode and vacuum', () => {
  beforeEach(startWriters);

  it(`each of ${snapshots} clones is one state of the database, with every commit from before it was begun`, async () => {
    const children = new Children();
    const context = { signal: new AbortController().signal, onProgress: () => undefined, lockFile: null };
    const destination = join(folder, 'snapshot.db');
    for (let taken = 0; taken < snapshots; taken++) {
      const before = ticks(live);
      const input = { live: live.name, destination, level: 'none', requiredTables: [], method: 'clone' };
      await children.run({ task: 'snapshot', input }, context);
      expect(faultOf(destination, before), `clone ${taken}`).toBeNull();
      removeClone(destination);
    }
    expect(ticks(live)).toBeGreaterThan(snapshots);
    await children.close();
    live.close();
  }, 240_000);

  it('a copy of the same files that no reader is pinned for is not: some are bad', async () => {
    const copies = new CopyProcess();
    const destination = join(folder, 'copy.db');
    const faults: string[] = [];
    for (let taken = 0; taken < mostUnpinned && faults.length === 0; taken++) {
      const before = ticks(live);
      await copies.copy({ from: live.name, to: destination, log: false });
      await copies.copy({ from: `${live.name}-wal`, to: `${destination}-wal`, log: true });
      const fault = faultOf(destination, before);
      if (fault !== null) faults.push(fault);
      removeClone(destination);
    }
    expect(faults).not.toEqual([]);
    copies.end();
    live.close();
  }, 240_000);
});
