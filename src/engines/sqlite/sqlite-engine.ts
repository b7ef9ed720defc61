import { stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { z } from 'zod';
import { BackupError, systemCode } from '../../errors.js';
import { parseOptions } from '../../options/parse-options.js';
import { snapshotMethods } from '../../options/snapshot-method.js';
import { realPath } from '../../system/real-path.js';
import type { Engine, EngineContext } from '../engine.js';
import { Children } from './children.js';
import type { ChildTask } from './conversation.js';

const sqliteOptionsSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .refine(
      (path) => path !== ':memory:' && !path.startsWith('file:') && !path.includes('\0'),
      'the path of a database file',
    ),
  snapshot: z.enum(snapshotMethods).default('auto'),
});

/**
 * `path`: the live database file, relative to the working directory at creation or absolute. It is never created.
 * `snapshot`: how the copy is made; see `SnapshotMethod`.
 */
export type SqliteOptions = z.input<typeof sqliteOptionsSchema>;

/**
 * The embedded engine: a SQLite file that better-sqlite3 (or anything else) has open while backups are taken.
 * All of its work happens in child processes; the host's process never opens the live file.
 * @throws BackupError `invalid_options`
 */
export function sqlite(options: SqliteOptions): Engine {
  const { path, snapshot: method } = parseOptions(sqliteOptionsSchema, options, 'sqlite');
  const live = resolve(path);
  const children = new Children();
  const run = <Result>(
    task: string,
    input: object,
    context: EngineContext,
    traits: Pick<ChildTask, 'commits' | 'foreign'> = {},
  ): Promise<Result> => children.run<Result>({ task, input: { ...input, live: realPath(live) }, ...traits }, context);
  return {
    name: 'sqlite',
    extension: 'db',
    defaultPrefix: prefixOf(live),
    sourceName: basename(live),
    get identity() {
      return realPath(live);
    },
    liveFile: live,
    liveBytes: () => liveBytes(realPath(live)),
    stamp: () => stampOf(realPath(live)),
    examine: (input, context) => run('examine', input, context),
    compare: (input, context) => run('compare', input, context, { foreign: true }),
    snapshot: (input, context) => run('snapshot', { ...input, method }, context),
    verify: (input, context) => run('verify', input, context, { foreign: true }),
    normalise: (file, context) => run('normalise', { file }, context, { foreign: true }),
    stage: (input, context) => run('stage', input, context, { foreign: true }),
    inspectLive: (context) => run('inspect', {}, context),
    restore: (input, publication, context) =>
      run('restore', { ...input, publication }, context, { commits: true, foreign: true }),
    restoreTables: (input, publication, context) =>
      run('restoreTables', { ...input, publication }, context, { commits: true, foreign: true }),
    restoreOffline: (input, publication, context) =>
      run('restoreOffline', { ...input, publication }, context, { commits: true, foreign: true }),
    rehearse: (input, context) => run('rehearse', input, context, { commits: true, foreign: true }),
    close: () => children.close(),
  };
}

/** The database's base name, made fit for a filename: "my app.db" becomes "my-app". */
function prefixOf(path: string): string {
  const base = basename(path, extname(path)).replaceAll(/[^A-Za-z0-9_-]+/g, '-');
  const trimmed = base.replaceAll(/^[-_]+|-+$/g, '').slice(0, 100);
  return trimmed === '' ? 'database' : trimmed;
}

async function liveBytes(live: string): Promise<number> {
  try {
    const found = await stat(live);
    if (!found.isFile()) throw new BackupError('database_missing', 'The live database is not a file.');
    return found.size + (await sizeOrZero(`${live}-wal`));
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new BackupError('database_missing', 'The live database file does not exist.', { cause: error });
    throw error;
  }
}

/** Size and time of the file and of its log: `stat` takes no lock and drops none. */
async function stampOf(live: string): Promise<string | null> {
  const [file, log] = await Promise.all([live, `${live}-wal`].map(markOf));
  return file === null ? null : `${file} ${log}`;
}

async function markOf(path: string): Promise<string | null> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function sizeOrZero(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
