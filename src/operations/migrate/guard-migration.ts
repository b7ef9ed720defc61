import { join } from 'node:path';
import { FileLock } from '../../coordination/file-lock.js';
import { BackupError } from '../../errors.js';
import { longestNotes } from '../../options/notes.js';
import type { Backup } from '../../vault/backup.js';
import { createBackup } from '../backups/create-backup.js';
import { look } from '../health/validate-database.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import { inTurn } from '../run/in-turn.js';
import { type Judgement, judgeMigration } from './judge-migration.js';
import { requireNotLost } from './require-not-lost.js';
import { undoMigration } from './undo-migration.js';

export interface GuardInput extends Caller {
  /** What the migration is called, in the notes of the backup. */
  readonly label?: string | undefined;
  /** Whether the backup from before a migration that failed is restored at once, which is the default, or the database is left as it is. */
  readonly onFailure?: 'restore' | 'keep' | undefined;
  /** Tables that may lose all their rows, or be dropped. */
  readonly mayEmpty?: readonly string[] | undefined;
  /** Awaited before a restore: ends what would go on writing. Where it rejects nothing is restored. */
  readonly beforeRestore?: (() => void | Promise<void>) | undefined;
}

export interface GuardedMigration<Result> extends Judgement {
  /** What the migration resolved to. */
  readonly result: Result;
  /** From before it; null where there was no database yet. */
  readonly backup: Backup | null;
}

/** Thrown by what was to migrate when it could not even begin: the database is as it was. */
export class MigrationNotStarted extends Error {}

/** Another process that migrates the same database is waited for. */
const patienceMs = 10 * 60_000;

/**
 * 1. Takes a verified backup. Without one nothing is migrated.
 * 2. Lets the host migrate.
 * 3. Validates the database, and compares its rows with those of the backup.
 * 4. After a failure of either restores the backup, or keeps what is there, and says which command restores it.
 *
 * @throws BackupError `migration_failed`; `operation_cancelled`, and those of a create, and then nothing was migrated
 */
export async function guardMigration<Result>(
  parts: OperationParts,
  migrate: () => Result | Promise<Result>,
  input: GuardInput,
): Promise<GuardedMigration<Result>> {
  if (typeof migrate !== 'function')
    throw new BackupError('invalid_request', 'Expected a function that migrates.', { facts: { errors: [] } });
  const { label, onFailure = 'restore', mayEmpty = [], beforeRestore } = input;
  const by = callerName(input);
  try {
    return await inMigrationTurn(parts, input.signal, async () => {
      const notes = (label === undefined ? 'Before a migration' : `Before the migration: ${label}`).slice(
        0,
        longestNotes,
      );
      const backup = await backUp(parts, { ...input, kind: 'pre_migration', notes, by });
      input.signal?.throwIfAborted();
      await noteBeginning(parts, backup, label ?? null);
      const allowed = [...parts.options.mayEmpty, ...mayEmpty];
      return attempt(parts, migrate, { backup, mayEmpty: allowed, onFailure, by, beforeRestore });
    });
  } catch (error) {
    if (input.signal?.aborted !== true || error !== input.signal.reason) throw error;
    throw new BackupError('operation_cancelled', 'The migration was given up before it began.', { cause: error });
  }
}

async function inMigrationTurn<Result>(
  { place, runner }: OperationParts,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  await runner.instance();
  const lock = new FileLock(join(place.stateDirectory, 'migration.lock'));
  if (!(await lock.acquire(patienceMs, { signal })))
    throw new BackupError('database_busy', 'Another process has been migrating the database for minutes.');
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** Null where there is nothing that could be lost: no file, or one without a byte, and no log of one either. */
async function backUp(parts: OperationParts, input: Parameters<typeof createBackup>[1]): Promise<Backup | null> {
  const found = await look(parts, parts.options.limits.operationMs);
  await requireNotLost(parts, found);
  const { state, hasLogAlone } = found;
  const isNew = state === 'missing' || (state === 'empty' && (await parts.engine.liveBytes()) === 0);
  return isNew && !hasLogAlone ? null : inTurn(parts, () => createBackup(parts, input), input.signal);
}

/** Should the process end before the migration does, the next start and the health endpoints tell of it. */
async function noteBeginning(
  { migration, runner, clock }: OperationParts,
  backup: Backup | null,
  label: string | null,
): Promise<void> {
  const { id: instance } = await runner.instance();
  const note = { instance, startedAt: clock().toISOString(), label, backup: backup?.filename ?? null };
  await migration.begin(note).catch((error: unknown) => {
    throw runner.told(error);
  });
}

interface Attempt {
  readonly backup: Backup | null;
  readonly mayEmpty: readonly string[];
  readonly onFailure: 'restore' | 'keep';
  readonly by: string;
  readonly beforeRestore: GuardInput['beforeRestore'];
}

async function attempt<Result>(
  parts: OperationParts,
  migrate: () => Result | Promise<Result>,
  { backup, mayEmpty, onFailure, by, beforeRestore }: Attempt,
): Promise<GuardedMigration<Result>> {
  const { migration } = parts;
  let close = migration.settle;
  try {
    const result = await migrate();
    const judgement = await judgeMigration(parts, backup, mayEmpty);
    close = migration.end;
    return { result, backup, ...judgement };
  } catch (cause) {
    if (cause instanceof MigrationNotStarted) throw new BackupError('invalid_request', cause.message, { cause });
    const failure = await undoMigration(parts, { backup, cause, onFailure, by, beforeRestore });
    const isSettled = failure.facts.restored === true || backup === null || onFailure === 'keep';
    if (!isSettled) close = migration.fail;
    throw failure;
  } finally {
    await close().catch((error: unknown) => parts.runner.told(error));
  }
}
