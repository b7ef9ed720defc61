import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createBackupService } from 'express-db-backup';
import { expect } from 'vitest';
import { auditEntries } from './audit.js';
import { contentBelow } from './file-tree.js';
import { generations, inspect, integrity } from './live-database.js';
import { stagedFiles, storedBackups } from './workspace.js';

/** So many that nothing is removed but where a test wants it. */
export const keepAll = { keep: 100_000, safety: { keep: 100_000 } };

/** An application's folder: its database `app.db`, its vault `backups`, and whatever else it has. */
export interface AppFolder {
  readonly folder: string;
  readonly databaseFile: string;
  readonly directory: string;
  /** Whether nobody has the live database open, since SQLite cannot open it: its files as they are count as commits. */
  readonly destroyed?: boolean;
}

export interface Expectation {
  /** What `generations` may say of the live database. */
  readonly live: readonly string[];
  /** What `generations` may say of a backup. */
  readonly stored: readonly string[];
  /** Keys whose commit the application was told of. */
  readonly acknowledged: readonly string[];
  /** `contentOutside` before anything happened. */
  readonly outside: Readonly<Record<string, string>>;
}

/** A lock that is free at once is won well within this, also on a busy machine; one that is stuck is not. */
const atOnceMs = 3_000;

/**
 * What holds after any fault, in this order: the next start works and leaves nothing staged; the lock is free at once;
 * the live database is sound and all of one state; every acknowledged commit is in it or in a safety backup; every
 * backup that is listed is what its manifest says; and nothing outside the vault has changed.
 */
export async function expectInvariants(app: AppFolder, expected: Expectation, told: string): Promise<void> {
  await expectRecovery(app, told);
  const kept = keptKeys(app);
  expect(lookAtLive(app, integrity) ?? 'ok', told).toBe('ok');
  expect(expected.live, told).toContain(liveContent(app));
  expect(
    expected.acknowledged.filter((key) => !kept.has(key)),
    told,
  ).toEqual([]);
  for (const filename of storedBackups(app.directory)) expectSound(app, filename, expected.stored, told);
  expect(contentOutside(app), told).toEqual(expected.outside);
}

async function expectRecovery({ databaseFile, directory }: AppFolder, told: string): Promise<void> {
  const next = createBackupService({ database: databaseFile, directory, retention: keepAll });
  try {
    const startedAt = performance.now();
    await next.start();
    expect(stagedFiles(directory), told).toEqual([]);
    await next.cleanup();
    expect(performance.now() - startedAt, told).toBeLessThan(atOnceMs);
    const files = storedBackups(directory);
    expect((await next.list()).total, told).toBe(files.length);
    const expected = files.flatMap((name) => [name, ...logsOf(directory, name)]);
    const others = readdirSync(directory).filter((name) => !expected.includes(name));
    expect(others.sort(), told).toEqual(['.state', 'audit.jsonl', 'metadata']);
    expect(await next.verifyAudit(), told).toMatchObject({ ok: true });
    auditEntries(directory, told);
    expect(readdirSync(join(directory, 'metadata')).sort(), told).toEqual(files.map(manifestOf).sort());
  } finally {
    await next.close();
  }
}

/** Files that were found sound already; nothing changes a published file. */
const knownSound = new Set<string>();

/** Does not ask the package whether its backups verify: the digest and SQLite's own check are computed here. */
function expectSound({ directory }: AppFolder, filename: string, contents: readonly string[], told: string): void {
  const file = join(directory, filename);
  if (knownSound.has(file)) return;
  const { sha256 } = JSON.parse(readFileSync(join(directory, 'metadata', manifestOf(filename)), 'utf8')) as {
    sha256: string;
  };
  expect(digest(file), `${told}: ${filename}`).toBe(sha256);
  const content = isDatabase(file) ? inspect(file, generations) : destroyedContent;
  if (content !== destroyedContent) expect(inspect(file, integrity), `${told}: ${filename}`).toBe('ok');
  expect(contents, `${told}: ${filename}`).toContain(content);
  knownSound.add(file);
}

/** What may lie beside a backup: the logs that its manifest names, as of a damaged live file; any other would change it. */
function logsOf(directory: string, filename: string): string[] {
  const { source } = JSON.parse(readFileSync(join(directory, 'metadata', manifestOf(filename)), 'utf8')) as {
    source: { logs?: string[] };
  };
  return (source.logs ?? []).map((suffix) => filename + suffix);
}

export const manifestOf = (filename: string): string => filename.replace(/\.db$/, '.json');

/** As the application would see it when it starts again; null when SQLite cannot open it. */
export function lookAtLive<Result>(app: AppFolder, look: (database: Database.Database) => Result): Result | null {
  if (app.destroyed === true && !isDatabase(app.databaseFile)) return null;
  const database = new Database(app.databaseFile, { fileMustExist: true });
  try {
    return look(database);
  } finally {
    database.close();
  }
}

/** What stands for the content of a file that SQLite cannot open. */
export const destroyedContent = 'destroyed';
export const liveContent = (app: AppFolder): string => lookAtLive(app, generations) ?? destroyedContent;

const isDatabase = (file: string): boolean =>
  readFileSync(file).subarray(0, 16).toString('latin1') === 'SQLite format 3\0';
export const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Keys in the live database or in any safety backup; of files that SQLite cannot open, and of their logs, the digests. */
function keptKeys(app: AppFolder): Set<unknown> {
  const keys = (from: Database.Database): unknown[] => from.prepare('SELECT key FROM commits').pluck().all();
  const safety = storedBackups(app.directory)
    .filter((name) => name.includes('_safety_'))
    .map((name) => join(app.directory, name));
  const asTheyAre = app.destroyed === true ? [app.databaseFile, ...safety].flatMap(fileAndLog) : [];
  return new Set([
    ...asTheyAre.map(digest),
    ...(lookAtLive(app, keys) ?? []),
    ...safety.filter(isDatabase).flatMap((file) => inspect(file, keys)),
  ]);
}

export const fileAndLog = (file: string): string[] => [file, `${file}-wal`].filter((path) => existsSync(path));

/**
 * Everything in the application's folder but its vault and its database, which is not even read: closing it would drop
 * the locks of a connection that this process has open.
 */
export function contentOutside({ folder }: AppFolder): Record<string, string> {
  const own = /^(backups$|backups\/|app\.db(-wal|-shm|-journal)?$)/;
  return contentBelow(folder, (path) => !own.test(path));
}
