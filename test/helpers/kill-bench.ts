import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { type BackupServiceOptions, createBackupService } from 'express-db-backup';
import { expect } from 'vitest';
import { createDatabase, generations, inspect, integrity, setGeneration } from './live-database.js';
import { createWorkspace, stagedFiles, storedBackups, type Workspace } from './workspace.js';

export const rows = 2_000;
/** So many that nothing is removed but where a test wants it. */
export const keepAll = { keep: 100_000, safety: { keep: 100_000 } };

/** One application's folder in which operations are killed again and again. */
export interface KillBench extends Workspace {
  /** Backups of the two states that the live database may be in. */
  readonly first: string;
  readonly second: string;
  /** A sound database from elsewhere, to import. */
  readonly foreign: string;
  readonly seed: number;
  /** A number from 0 up to `most`; the same sequence for the same seed. */
  random(most: number): number;
}

/** Moments differ from run to run by nature; KILL_SEED repeats at least the delays of a run that failed. */
export const newSeed = (): number => Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));

export async function createKillBench(seed: number, service: Partial<BackupServiceOptions> = {}): Promise<KillBench> {
  const workspace = createWorkspace({ live: { rows }, service: { retention: keepAll, ...service } });
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
    random: generator(seed),
  };
}

/** mulberry32 */
function generator(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * most;
  };
}

/** A lock that is free at once is won well within this, also on a busy machine; one that is stuck is not. */
const atOnceMs = 3_000;

/**
 * What holds after any kill: the next start works and leaves nothing staged, the lock is free at once, the live
 * database is sound and in one of the two states, and every backup that is listed is what its manifest says.
 */
export async function expectInvariants(bench: KillBench, told: string): Promise<void> {
  const { databaseFile, directory, database } = bench;
  const next = createBackupService({ database: databaseFile, directory, retention: keepAll });
  const startedAt = performance.now();
  await next.start();
  expect(stagedFiles(directory), told).toEqual([]);
  await next.cleanup();
  expect(performance.now() - startedAt, told).toBeLessThan(atOnceMs);
  const { backups, total } = await next.list({ limit: 500 });
  await next.close();
  expect([`first:${rows}`, `second:${rows}`], told).toContain(generations(database));
  expect(integrity(database), told).toBe('ok');
  const files = storedBackups(directory);
  expect(total, told).toBe(files.length);
  expect(
    readdirSync(directory).filter((name) => !files.includes(name)),
    told,
  ).toEqual(['.state', 'metadata']);
  expect(readdirSync(join(directory, 'metadata')).sort(), told).toEqual(files.map(manifestOf).sort());
  for (const { filename, sha256, manifest } of backups) expectSound(bench, filename, manifest ? sha256 : null, told);
}

/** Files that were found sound already; nothing changes a published file. */
const knownSound = new Set<string>();

/** Does not ask the package whether its backups verify: the digest and SQLite's own check are computed here. */
function expectSound({ directory }: KillBench, filename: string, sha256: string | null, told: string): void {
  const file = join(directory, filename);
  if (knownSound.has(file)) return;
  expect(createHash('sha256').update(readFileSync(file)).digest('hex'), `${told}: ${filename}`).toBe(sha256);
  expect(inspect(file, integrity), `${told}: ${filename}`).toBe('ok');
  expect(inspect(file, generations), `${told}: ${filename}`).toMatch(/^(first|second|foreign):2000$/);
  knownSound.add(file);
}

const manifestOf = (filename: string): string => filename.replace(/\.db$/, '.json');

/** Commits a key, as a request of the application would. */
export function acknowledge(database: Database.Database, key: string): void {
  database.prepare('INSERT INTO commits VALUES (?)').run(key);
}

/** Keys in the live database or in any safety backup. */
export function keptKeys({ database, directory }: KillBench): Set<unknown> {
  const keys = (from: Database.Database): unknown[] => from.prepare('SELECT key FROM commits').pluck().all();
  const safety = storedBackups(directory).filter((name) => name.includes('_safety_'));
  return new Set([...keys(database), ...safety.flatMap((name) => inspect(join(directory, name), keys))]);
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
