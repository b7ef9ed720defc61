import { join } from 'node:path';
import { BackupError } from '../../errors.js';
import type { BackupKind } from '../../options/backup-kind.js';
import type { Backup } from '../../vault/backup.js';
import { contentWarnings, shrunkTables } from '../content/content-warnings.js';
import { draftManifest } from '../content/draft-manifest.js';
import { requiredTablesOf } from '../content/required-tables.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationContext, OperationRun } from '../run/operation-spec.js';
import { withSpace } from '../staging/require-space.js';
import { executePlan, planCleanup } from './clean-up.js';

export interface CreateInput extends Caller {
  /** Free text for people, at most 1,000 characters. */
  readonly notes?: string | null | undefined;
  /** Why it is made; `manual` unless told otherwise. */
  readonly kind?: Exclude<BackupKind, 'safety' | 'uploaded'> | undefined;
}

/**
 * 1. Checks that the live database exists and that there is room for its copy.
 * 2. Takes a checked, synced snapshot into staging.
 * 3. Publishes it with its manifest; from here on it is a backup.
 * 4. Removes what retention no longer wants, now that there is a newer one.
 *
 * An abort before the third step leaves nothing behind.
 */
export function createBackup(parts: OperationParts, input: CreateInput): OperationRun<Backup> {
  const spec = {
    type: 'create',
    by: callerName(input),
    from: input.from,
    exclusive: true,
    signal: input.signal,
    failedEvent: 'backup.failed',
  } as const;
  return parts.runner.run(spec, async (context) => {
    const previous = await previousBackup(parts);
    const backup = await snapshotAndPublish(parts, input, previous, context);
    context.concerns(backup.filename);
    parts.events.emit('backup.created', backup);
    for (const shrunk of shrunkTables(backup.tables, previous, parts.options.mayEmpty))
      parts.events.emit('table.shrank', { filename: backup.filename, ...shrunk });
    await applyRetention(parts, backup);
    await warnOfLowDisk(parts, backup);
    return backup;
  });
}

async function snapshotAndPublish(
  parts: OperationParts,
  input: CreateInput,
  previous: Backup | undefined,
  context: OperationContext,
): Promise<Backup> {
  const { engine, vault, options, clock } = parts;
  const createdAt = clock().toISOString();
  const startedAt = performance.now();
  const destination = join(context.staging, `snapshot.${engine.extension}`);
  const kind = input.kind ?? 'manual';
  // What a migration is to be undone by must be known to be good.
  const level = kind === 'pre_migration' && options.verifyOnCreate === 'none' ? 'quick' : options.verifyOnCreate;
  const request = { destination, level, requiredTables: requiredTablesOf(parts, kind) };
  return withSpace(vault, await liveBytes(parts), async () => {
    const snapshot = await engine.snapshot(request, context.engine);
    context.signal.throwIfAborted();
    context.phase('publishing');
    const draft = draftManifest(parts, {
      snapshot,
      kind,
      level,
      createdAt,
      createdBy: context.operation.startedBy,
      notes: input.notes ?? null,
      warnings: contentWarnings(snapshot.tables, previous, options.mayEmpty),
      durationMs: Math.round(performance.now() - startedAt),
    });
    return vault.publish(destination, draft, context.staging);
  });
}

async function liveBytes({ engine, options }: OperationParts): Promise<number> {
  const bytes = await engine.liveBytes();
  const { backupBytes } = options.limits;
  if (backupBytes !== undefined && bytes > backupBytes) {
    throw new BackupError(
      'insufficient_storage',
      `The live database takes ${bytes} bytes; \`limits.backupBytes\` allows ${backupBytes}.`,
      {
        facts: { requiredBytes: bytes, availableBytes: backupBytes },
      },
    );
  }
  return bytes;
}

/** A safety backup is of what was to be replaced, an uploaded one of another database. */
async function previousBackup({ vault }: OperationParts): Promise<Backup | undefined> {
  return (await vault.list()).find(({ manifest, kind }) => manifest && kind !== 'safety' && kind !== 'uploaded');
}

/** The new backup exists whatever becomes of the old ones; a fault here is told to the host and is no failure of the backup. */
async function applyRetention(parts: OperationParts, created: Backup): Promise<void> {
  // A clock that was set back makes the new backup look like the oldest one; it is not the one to go.
  const release = parts.vault.hold(created.filename);
  try {
    parts.events.emit('cleanup.finished', await executePlan(parts, await planCleanup(parts)));
  } catch (error) {
    parts.runner.told(error);
  } finally {
    release();
  }
}

/** A disk that will be full is told of while there is still time; one that cannot be asked says nothing. */
async function warnOfLowDisk({ vault, events, runner }: OperationParts, { size }: Backup): Promise<void> {
  try {
    const freeBytes = await vault.freeBytes();
    const neededBytes = 2 * size;
    if (freeBytes !== null && freeBytes < neededBytes) events.emit('disk.low', { freeBytes, neededBytes });
  } catch (error) {
    runner.told(error);
  }
}
