import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { createBackupService } from 'express-db-backup';
import { expect } from 'vitest';
import { auditEntries } from '../audit.js';
import { destroyHeader } from '../damage.js';
import { type AppFolder, destroyedContent, digest, fileAndLog, keepAll, manifestOf } from '../invariants.js';
import { createDatabase, type LiveOptions, setGeneration } from '../live-database.js';
import { stagedFiles, storedBackups } from '../workspace.js';

/** Few pages: the calls that write them are many all the same, and each of them is a case. */
export const rows = 30;
const keepOne = { keep: 1 };
const committedBefore = 'before';
export const states = { old: `second:${rows}`, new: `first:${rows}`, foreign: `foreign:${rows}` } as const;

export interface Prepared extends AppFolder {
  /** Backups of the two states; the live database is in the second one. */
  readonly first: string;
  readonly second: string;
  /** What no fault may lose: keys of commits, or digests of a damaged file and its log. */
  readonly acknowledged: readonly string[];
}

export interface Scenario {
  readonly verb: string;
  readonly live?: LiveOptions;
  readonly retention?: object;
  /** Whether the live file and its log are damaged so that SQLite cannot open them, and the application lets go of them. */
  readonly destroyed?: boolean;
  /** What has to lie there before it begins. */
  prepare?(app: Prepared): void;
  parameters?(app: Prepared): unknown[];
  /** Whether what was answered as done is done. */
  isDone(app: Prepared, value: unknown, live: string): boolean;
  /** What else holds afterwards, whatever became of it. */
  afterwards?(app: Prepared, told: string): Promise<void>;
}

/** Published, and told as verified: only such a backup can be restored. */
function isThere({ directory }: AppFolder, filename: string): boolean {
  const manifest = join(directory, 'metadata', manifestOf(filename));
  if (!existsSync(join(directory, filename)) || !existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { verification: { ok: boolean } }).verification.ok;
}
const keepsAll = (file: string, digests: readonly string[]): boolean =>
  fileAndLog(file).map(digest).join() === digests.join();
const isGone = ({ directory }: AppFolder, filename: string): boolean => !existsSync(join(directory, filename));
const filenameOf = (value: unknown): string => (value as { filename: string }).filename;
const failuresOf = (value: unknown): number => (value as { failed: unknown[] }).failed.length;
const foreignOf = ({ folder }: AppFolder): string => join(folder, 'foreign.db');

const restore: Scenario = {
  verb: 'restore',
  parameters: ({ first }) => [first],
  isDone: (app, value, live) => live === states.new && isThere(app, (value as { safetyBackup: string }).safetyBackup),
};

export const oldContent = ({ destroyed }: Scenario): string => (destroyed === true ? destroyedContent : states.old);

/** The operations that change something, each as an application would call it. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  create: { verb: 'create', isDone: (app, value) => isThere(app, filenameOf(value)) },
  'create with retention': {
    verb: 'create',
    retention: keepOne,
    isDone: (app, value) => isThere(app, filenameOf(value)),
    afterwards: expectPolicyAfterNext,
  },
  restore,
  'restore with a rollback journal': { ...restore, live: { wal: false } },
  'restore of a table': { ...restore, parameters: ({ first }) => [first, { tables: ['items'] }] },
  'restore over a damaged file': {
    ...restore,
    destroyed: true,
    isDone: ({ directory, acknowledged }, value, live) =>
      live === states.new && keepsAll(join(directory, (value as { safetyBackup: string }).safetyBackup), acknowledged),
  },
  upload: {
    verb: 'importFile',
    prepare: (app) => createDatabase(foreignOf(app), { rows, generation: 'foreign' }).close(),
    parameters: (app) => [foreignOf(app)],
    isDone: (app, value) => isThere(app, filenameOf(value)),
  },
  cleanup: {
    verb: 'cleanup',
    retention: { keep: 1 },
    // One that could not be removed is named.
    isDone: (app, value) => (isGone(app, app.first) || failuresOf(value) > 0) && isThere(app, app.second),
  },
  remove: {
    verb: 'remove',
    parameters: ({ first }) => [first],
    isDone: (app) => isGone(app, app.first) && isThere(app, app.second),
  },
  start: { verb: 'start', prepare: leaveDebris, isDone: ({ directory }) => stagedFiles(directory).length === 0 },
};

/** The next run brings the vault to its policy, and the audit tells of each removal and of each operation once. */
async function expectPolicyAfterNext({ databaseFile, directory }: Prepared, told: string): Promise<void> {
  const next = createBackupService({ database: databaseFile, directory, retention: keepOne });
  try {
    const { filename } = await next.create();
    expect(storedBackups(directory), told).toEqual([filename]);
    expect(await next.verifyAudit(), told).toMatchObject({ ok: true });
  } finally {
    await next.close();
  }
  const entries = auditEntries(directory, told);
  const operations = entries.flatMap(({ action, operation }) => (action === 'remove' ? [] : (operation ?? [])));
  expect(new Set(operations).size, told).toBe(operations.length);
  const removed = entries.flatMap(({ action, file }) => (action === 'remove' ? [file] : []));
  expect(new Set(removed).size, told).toBe(removed.length);
}

/** What a service leaves that was killed while it published. */
function leaveDebris({ directory, first }: Prepared): void {
  const state = join(directory, '.state');
  mkdirSync(join(state, 'staging', '1-gone', 'operation'), { recursive: true });
  writeFileSync(join(state, 'staging', '1-gone', 'operation', 'snapshot.db'), 'half a copy');
  mkdirSync(join(state, 'instances'), { recursive: true });
  writeFileSync(join(state, 'instances', '1-gone.lock'), '');
  const orphan = 'app_backup_2020-01-01_00-00-00.json';
  copyFileSync(join(directory, 'metadata', manifestOf(first)), join(directory, 'metadata', orphan));
}

/** Makes an application's folder in `parent`, with two backups and one commit that is in neither. */
export async function prepareApp(parent: string, scenario: Scenario): Promise<Prepared> {
  const folder = mkdtempSync(join(parent, 'app-'));
  mkdirSync(join(folder, 'tmp'));
  const app = { folder, databaseFile: join(folder, 'app.db'), directory: join(folder, 'backups') };
  const database = createDatabase(app.databaseFile, { rows, ...scenario.live });
  const service = createBackupService({ database: app.databaseFile, directory: app.directory, retention: keepAll });
  try {
    const { filename: first } = await service.create();
    setGeneration(database, 'second');
    const { filename: second } = await service.create();
    database.prepare('INSERT INTO commits VALUES (?)').run(committedBefore);
    const prepared = { ...app, first, second, acknowledged: [committedBefore] };
    scenario.prepare?.(prepared);
    return scenario.destroyed === true ? destroy(prepared, database) : prepared;
  } finally {
    await service.close();
    database.close();
  }
}

/** Leaves the file and the log as they are while they are in use, but for the headers of both. */
function destroy(app: Prepared, database: Database.Database): Prepared {
  const files = fileAndLog(app.databaseFile);
  for (const file of files) copyFileSync(file, `${file}.aside`);
  database.close();
  for (const file of files) {
    renameSync(`${file}.aside`, file);
    destroyHeader(file);
  }
  return { ...app, destroyed: true, acknowledged: files.map(digest) };
}

/** A copy of a prepared folder: a vault that moves together with its database stays its own. */
export function within(folder: string, app: Prepared): Prepared {
  return { ...app, folder, databaseFile: join(folder, 'app.db'), directory: join(folder, 'backups') };
}
