import { statSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { makeDurable } from '../../../../../dist/engines/sqlite/child/restore/make-durable.js';
import { generations, openAgain, openDatabase, setGeneration } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

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

it('the log is empty afterwards when nobody needs it', () => {
  const live = openLive();
  setGeneration(live, 'second');
  expect(logBytes(live)).toBeGreaterThan(0);
  expect(makeDurable(live.name)).toBe(false);
  expect([logBytes(live), generations(live)]).toEqual([0, 'second:500']);
});

it('a database without a log has nothing pending', () => {
  expect(makeDurable(openLive(false).name)).toBe(false);
});

it.each([
  ['a long reader', (live: Database.Database) => void longReader(live)],
  [
    'a writer that does not end',
    (live: Database.Database) => {
      longReader(live);
      openAgain(live.name).exec('BEGIN IMMEDIATE');
    },
  ],
])('%s keeps the log, which is synced without waiting for it and without changing a thing', (_who, hinder) => {
  const live = openLive();
  live.pragma('user_version = 41');
  hinder(live);
  const before = logBytes(live);
  expect(makeDurable(live.name)).toBe(true);
  expect(logBytes(live)).toBe(before);
  expect([generations(live), live.pragma('user_version', { simple: true })]).toEqual(['second:500', 41]);
});
