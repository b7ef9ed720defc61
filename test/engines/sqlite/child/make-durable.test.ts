import { statSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { makeDurable } from '../../../../dist/engines/sqlite/child/make-durable.js';
import { generations, openAgain, openDatabase, setGeneration } from '../../../helpers/live-database.js';
import { temporaryFolder } from '../../../helpers/temporary-folder.js';

const openLive = (wal = true): Database.Database => openDatabase(join(temporaryFolder(), 'app.db'), { wal });
const logBytes = (database: Database.Database): number => statSync(`${database.name}-wal`).size;

/** A reader that began before the newest commit, so that its part of the log is still needed. */
function longReader(live: Database.Database): Database.Database {
  const reader = openAgain(live.name);
  reader.exec('BEGIN');
  generations(reader);
  setGeneration(live, 'second');
  return reader;
}

it('the log is empty afterwards when nobody needs it', async () => {
  const live = openLive();
  setGeneration(live, 'second');
  expect(logBytes(live)).toBeGreaterThan(0);
  await expect(makeDurable(live.name, 1_000)).resolves.toBe(false);
  expect([logBytes(live), generations(live)]).toEqual([0, 'second:500']);
});

it('a database without a log has nothing pending', async () => {
  await expect(makeDurable(openLive(false).name, 1_000)).resolves.toBe(false);
});

it('a long reader keeps the log, and one more commit syncs it without changing a thing', async () => {
  const live = openLive();
  live.pragma('user_version = 41');
  longReader(live);
  const before = logBytes(live);
  await expect(makeDurable(live.name, 1_000)).resolves.toBe(true);
  expect(logBytes(live)).toBeGreaterThan(before);
  expect([generations(live), live.pragma('user_version', { simple: true })]).toEqual(['second:500', 41]);
});

it('a writer that does not end within the wait is an error, for nothing is durable yet', async () => {
  const live = openLive();
  longReader(live);
  live.exec('BEGIN IMMEDIATE');
  await expect(makeDurable(live.name, 20)).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
});
