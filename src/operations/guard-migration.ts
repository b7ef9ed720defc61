import { join } from 'node:path';
import { z } from 'zod';
import { FileLock } from '../coordination/file-lock.js';
import type { Examination, TableRows } from '../engines/engine.js';
import { BackupError } from '../errors.js';
import type { ValidationReport } from '../events/outcomes.js';
import { longestNotes, notesSchema } from '../options/notes.js';
import type { Backup } from '../vault/backup.js';
import { shrunkTables } from './content-warnings.js';
import { createBackup } from './create-backup.js';
import { type Caller, callerName, type OperationParts } from './operation-parts.js';
import { parseInput } from './parse-input.js';
import { restoreBackup } from './restore-backup.js';
import { look, validateDatabase } from './validate-database.js';

export interface GuardInput extends Caller {
  /** What the migration is called, in the notes of the backup. */
  readonly label?: string | undefined;
  /** Whether the backup from before a migration that failed is restored at once, which is the default, or the database is left as it is. */
  readonly onFailure?: 'restore' | 'keep' | undefined;
  /** Tables that may lose all their rows, or be dropped. */
  readonly mayEmpty?: readonly string[] | undefined;
}

export interface GuardedMigration<Result> {
  /** What the migration resolved to. */
  readonly result: Result;
  /** From before it; null where there was no database yet. */
  readonly backup: Backup | null;
  readonly validation: ValidationReport;
  /** Rows by table. */
  readonly tables: { readonly before: TableRows; readonly after: TableRows };
}

/** Thrown by what was to migrate when it could not even begin: the database is as it was. */
export class MigrationNotStarted extends Error {}

const inputSchema = z.object({
  label: notesSchema.optional(),
  onFailure: z.enum(['restore', 'keep']).default('restore'),
  mayEmpty: z.array(z.string()).default([]),
});

/** Another process that migrates the same database is waited for. */
const patienceMs = 10 * 60_000;
/** A transaction that a migration has left open for longer was forgotten. */
const longestLockMs = 30_000;

/**
 * 1. Takes a verified backup. Without one nothing is migrated.
 * 2. Lets the host migrate.
 * 3. Validates the database, and compares its rows with those of the backup.
 * 4. After a failure of either restores the backup, or keeps what is there, and says which command restores it.
 *
 * @throws BackupError `migration_failed`; those of a create, and then nothing was migrated
 */
export async function guardMigration<Result>(
  parts: OperationParts,
  migrate: () => Result | Promise<Result>,
  input: GuardInput,
): Promise<GuardedMigration<Result>> {
  const { label, onFailure, mayEmpty } = parseInput(inputSchema, {
    label: input.label,
    onFailure: input.onFailure,
    mayEmpty: input.mayEmpty,
  });
  const by = callerName(input);
  await parts.runner.instance();
  const lock = new FileLock(join(parts.place.stateDirectory, 'migration.lock'));
  if (!(await lock.acquire(patienceMs, { signal: input.signal })))
    throw new BackupError('database_busy', 'Another process has been migrating the database for minutes.');
  try {
    const notes = (label == null ? 'Before a migration' : `Before the migration: ${label}`).slice(0, longestNotes);
    const backup = await backUp(parts, { ...input, kind: 'pre_migration', notes, by });
    input.signal?.throwIfAborted();
    try {
      const result = await migrate();
      return { result, backup, ...(await inspect(parts, backup, mayEmpty)) };
    } catch (cause) {
      if (cause instanceof MigrationNotStarted) throw new BackupError('invalid_request', cause.message, { cause });
      throw await afterFailure(parts, { backup, cause, onFailure, by });
    }
  } finally {
    lock.release();
  }
}

/** Null where there is nothing that could be lost: no file, or one without a byte, and no log of one either. */
async function backUp(parts: OperationParts, input: Parameters<typeof createBackup>[1]): Promise<Backup | null> {
  const { state, hasLogAlone } = await look(parts, [], parts.options.limits.operationMs);
  const isNew = state === 'missing' || (state === 'empty' && (await parts.engine.liveBytes()) === 0);
  return isNew && !hasLogAlone ? null : createBackup(parts, input);
}

async function inspect(
  parts: OperationParts,
  backup: Backup | null,
  mayEmpty: readonly string[],
): Promise<Pick<GuardedMigration<unknown>, 'validation' | 'tables'>> {
  const found = await lookUnlocked(parts);
  const validation = await validateDatabase(parts, found);
  const worst = validation.findings.find(({ severity }) => severity === 'critical');
  if (worst !== undefined) throw new Error(worst.message);
  const allowed = new Set(mayEmpty.map((table) => table.toLowerCase()));
  const [lost] = shrunkTables(found.rows, backup ?? undefined).filter(({ table }) => !allowed.has(table.toLowerCase()));
  if (lost !== undefined)
    throw new Error(
      `The table ${lost.table} had ${lost.before} rows and ${lost.after === null ? 'is gone' : 'has none'}.`,
    );
  return { validation, tables: { before: backup?.tables ?? {}, after: found.rows } };
}

/** A connection of the migration may hold its lock for a moment longer. What cannot be seen is not taken for lost. */
async function lookUnlocked(parts: OperationParts): Promise<Examination> {
  const deadline = performance.now() + longestLockMs;
  for (;;) {
    try {
      return await look(parts, 'all', parts.options.limits.operationMs);
    } catch (error) {
      const isBusy = error instanceof BackupError && error.code === 'database_busy';
      if (isBusy && performance.now() < deadline) continue;
      throw new Undecided(
        `What the migration made of the database cannot be seen: ${parts.runner.told(error).message}`,
      );
    }
  }
}

/** Whether the migration succeeded cannot be told, so nothing is undone. */
class Undecided extends Error {}

interface Failure {
  readonly backup: Backup | null;
  readonly cause: unknown;
  readonly onFailure: 'restore' | 'keep';
  readonly by: string;
}

/** What the migration threw is the cause, and the host's own; the message names the backup and the command. */
async function afterFailure(parts: OperationParts, { backup, cause, onFailure, by }: Failure): Promise<BackupError> {
  const why = cause instanceof Error && cause.message !== '' ? cause.message : `The migration threw ${String(cause)}.`;
  if (backup === null)
    return new BackupError('migration_failed', `${why} There was no database before it.`, {
      facts: { backup: null, restored: false, command: null },
      cause,
    });
  const { filename } = backup;
  const command = `npx express-db-backup restore ${filename}`;
  if (onFailure === 'keep' || cause instanceof Undecided)
    return new BackupError('migration_failed', `${why} The database was left as it is. To go back run: ${command}`, {
      facts: { backup: filename, restored: false, command },
      cause,
    });
  try {
    const { safetyBackup } = await restoreBackup(parts, filename, { by });
    const undo = `What the migration had made of it is in ${safetyBackup}.`;
    return new BackupError('migration_failed', `${why} ${filename}, from before it, was restored. ${undo}`, {
      facts: { backup: filename, restored: true, safetyBackup, command },
      cause,
    });
  } catch (error) {
    const told = parts.runner.told(error);
    return new BackupError('migration_failed', `${why} The restore failed too: ${told.message} Run: ${command}`, {
      facts: { backup: filename, restored: false, command, restoreCode: told.code },
      cause,
    });
  }
}
