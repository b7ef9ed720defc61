import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { contentOutside, expectInvariants as expectAll, keepAll, manifestOf } from './invariants.js';
import { createDatabase, setGeneration } from './live-database.js';
import { createWorkspace, storedBackups, type Workspace } from './workspace.js';

export const rows = 2_000;
export const kills = 40;
/** An operation may end before its kill; so many attempts are more than enough for the kills that hit. */
export const mostAttempts = 3 * kills;

/** One application's folder in which operations are killed again and again. */
export interface KillBench extends Workspace {
  /** Backups of the two states that the live database may be in. */
  readonly first: string;
  readonly second: string;
  /** A sound database from elsewhere, to import. */
  readonly foreign: string;
  readonly seed: number;
  /** What lies in the folder beside the database and the vault. */
  readonly outside: Readonly<Record<string, string>>;
  /** A number from 0 up to `most`; the same sequence for the same seed. */
  random(most: number): number;
}

/** Moments differ from run to run by nature; KILL_SEED repeats at least the delays of a run that failed. */
export const newSeed = (): number => Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));

export async function createKillBench(seed: number): Promise<KillBench> {
  const workspace = createWorkspace({ live: { rows }, service: { retention: keepAll } });
  const first = await workspace.service.create();
  setGeneration(workspace.database, 'second');
  const second = await workspace.service.create();
  const foreign = join(workspace.folder, 'foreign.db');
  createDatabase(foreign, { rows, generation: 'foreign' }).close();
  return {
    ...workspace,
    first: first.filename,
    second: second.filename,
    foreign,
    seed,
    outside: contentOutside(workspace),
    random: randomNumbers(seed),
  };
}

/** Numbers from 0 up to `most`, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * most;
  };
}

/** All of one of the two states, after any kill. */
export function expectInvariants(bench: KillBench, acknowledged: readonly string[], told: string): Promise<void> {
  const live = [`first:${rows}`, `second:${rows}`];
  const { outside } = bench;
  return expectAll(bench, { live, stored: [...live, `foreign:${rows}`], acknowledged, outside }, told);
}

/** Commits a key, as a request of the application would. */
export function acknowledge(database: Database.Database, key: string): void {
  database.prepare('INSERT INTO commits VALUES (?)').run(key);
}

/** Old backups for a cleanup to remove: real ones under older names. */
export function addOldBackups({ directory, first }: KillBench, count: number): void {
  const manifest = JSON.parse(readFileSync(join(directory, 'metadata', manifestOf(first)), 'utf8'));
  for (let index = 0; index < count; index++) {
    const at = new Date(Date.UTC(2020, 0, 1, 0, 0, index)).toISOString();
    const filename = `app_backup_${at.slice(0, 19).replace('T', '_').replaceAll(':', '-')}.db`;
    if (storedBackups(directory).includes(filename)) continue;
    const note = JSON.stringify({ ...manifest, filename, createdAt: at });
    writeFileSync(join(directory, 'metadata', manifestOf(filename)), note);
    copyFileSync(join(directory, first), join(directory, filename));
  }
}
