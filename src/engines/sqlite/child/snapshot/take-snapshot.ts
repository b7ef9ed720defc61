import { statSync } from 'node:fs';
import { BackupError } from '../../../../errors.js';
import type { SnapshotMethod } from '../../../../options/snapshot-method.js';
import type { Snapshot, SnapshotInput } from '../../../database-content.js';
import { describeError } from '../database/describe-error.js';
import { pinLive } from '../database/open-database.js';
import { readFacts, schemaDigest } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import { cloneFile, cloneLog, hasLog, identityOf, removeClone, requireSameFile } from './clone-live.js';
import { copyPages } from './copy-pages.js';
import { finishSnapshot } from './finish-snapshot.js';

export interface SnapshotTask extends SnapshotInput {
  readonly live: string;
  readonly method: SnapshotMethod;
}

type Take = (input: SnapshotTask, context: TaskContext) => Promise<Snapshot>;

/**
 * 1. Pins one read view of the live database.
 * 2. Copies it, by the method that was asked for.
 * 3. Makes the copy stand alone, checks it while its digest is computed, and brings it to the disk.
 * @throws BackupError `source_damaged` when the copy does not pass
 */
export async function takeSnapshot(input: SnapshotTask, context: TaskContext): Promise<Snapshot> {
  const snapshot = await takes[input.method](input, context);
  const { ok, problems } = snapshot.verification;
  if (!ok) {
    throw new BackupError('source_damaged', `The live database did not pass its check: ${problems.join(' ')}`, {
      facts: { problems },
    });
  }
  return snapshot;
}

const takes: Record<SnapshotMethod, Take> = { auto: takeAny, clone: takeClone, copy: takeCopy, compact: takeCompact };

/** A log longer than this part of the file, as after a bulk load, costs more to take in than the slower copy does. */
const longLogPart = 1 / 4;
const shortLogBytes = 16 * 1024 * 1024;

/** A clone where there is a log and the clone passes; whatever it lacks then is looked for in the slower copy. */
async function takeAny(input: SnapshotTask, context: TaskContext): Promise<Snapshot> {
  context.prepareCopy();
  const isWorthIt = (logBytes: number): boolean =>
    logBytes <= Math.max(shortLogBytes, statSync(input.live).size * longLogPart);
  const cloned = await clone(input, context, isWorthIt).catch((error: unknown) => {
    if (['insufficient_storage', 'database_missing', 'database_busy'].includes(describeError(error).code)) throw error;
    return 'failed' as const;
  });
  if (typeof cloned === 'object' && cloned.verification.ok) return cloned;
  removeClone(input.destination);
  return takeCopy(input, context);
}

/** @throws BackupError `invalid_options` where there is no write-ahead log */
async function takeClone(input: SnapshotTask, context: TaskContext): Promise<Snapshot> {
  const cloned = await clone(input, context, () => true);
  if (typeof cloned === 'object') return cloned;
  throw cloned === 'schema changed'
    ? new BackupError('database_busy', 'The schema of the live database changed while it was copied.')
    : new BackupError('invalid_options', '`snapshot: "clone"` needs a database with a write-ahead log.');
}

/** A clone, or why there is none. It is as new as the log, so its schema may be newer than that of the pinned reader. */
async function clone(
  input: SnapshotTask,
  context: TaskContext,
  isWorthIt: (logBytes: number) => boolean,
): Promise<Snapshot | 'no log' | 'long log' | 'schema changed'> {
  const { live, destination } = input;
  const identity = identityOf(live);
  const pinned = pinLive(live);
  let schemaSha256: string;
  try {
    if (!hasLog(pinned)) return 'no log';
    schemaSha256 = schemaDigest(pinned);
    context.report({ phase: 'copying', done: 0, total: statSync(live).size, unit: 'bytes' });
    if (!isWorthIt(await cloneLog(live, destination, context))) return 'long log';
    await cloneFile(live, destination, context);
    requireSameFile(live, identity);
    if (schemaNow(live) !== schemaSha256) return 'schema changed';
  } finally {
    pinned.close();
  }
  return finishSnapshot({ ...input, schemaSha256 }, context);
}

function schemaNow(live: string): string {
  const current = pinLive(live);
  try {
    return schemaDigest(current);
  } finally {
    current.close();
  }
}

async function takeCopy(input: SnapshotTask, context: TaskContext): Promise<Snapshot> {
  const pinned = pinLive(input.live);
  let schemaSha256: string;
  try {
    schemaSha256 = schemaDigest(pinned);
    await copyPages(pinned, input.destination, context);
  } finally {
    pinned.close();
  }
  return finishSnapshot({ ...input, schemaSha256 }, context);
}

/** VACUUM INTO reads one state by itself and cannot run inside a transaction, so nothing is pinned. */
async function takeCompact(input: SnapshotTask, context: TaskContext): Promise<Snapshot> {
  const live = pinLive(input.live);
  try {
    const { schemaSha256, size } = readFacts(live);
    live.exec('ROLLBACK');
    context.report({ phase: 'copying', done: 0, total: size, unit: 'bytes' });
    live.prepare('VACUUM INTO ?').run(input.destination);
    if (schemaDigest(live) !== schemaSha256)
      throw new BackupError('database_busy', 'The schema of the live database changed while it was compacted.');
    return await finishSnapshot({ ...input, schemaSha256 }, context);
  } finally {
    live.close();
  }
}
