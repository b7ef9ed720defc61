import { basename, extname, resolve } from 'node:path';
import { z } from 'zod';
import { parseOptions } from '../../options/parse-options.js';
import { snapshotMethods } from '../../options/snapshot-method.js';
import { realPath } from '../../system/real-path.js';
import type { Engine, EngineContext } from '../engine.js';
import { Children } from './children.js';
import type { ChildTask } from './conversation.js';
import { liveBytes, requireStandAlone, stampOf } from './database-files.js';

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
    requireStandAlone: (file) => requireStandAlone(file, realPath(live)),
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
