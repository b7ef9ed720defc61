import { constants } from 'node:fs';
import { chmod, copyFile, rename, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ImportedFile } from '../../engines/database-content.js';
import { BackupError, systemCode } from '../../errors.js';
import type { Backup } from '../../vault/backup.js';
import { draftManifest } from '../content/draft-manifest.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationContext, OperationRun } from '../run/operation-spec.js';
import { withSpace } from '../staging/require-space.js';

export interface ImportInput extends Caller {
  readonly notes?: string | null | undefined;
  /** SHA-256 (hex) that the file must have as it came. */
  readonly sha256?: string | undefined;
  /** The file lies in a directory of `reserveStaging` and may be taken instead of copied. */
  readonly move?: boolean | undefined;
}

/**
 * 1. Takes the file into staging; its own name is never used.
 * 2. Makes it a standalone database and checks it in full.
 * 3. Publishes it as a backup of kind `uploaded`.
 *
 * @throws BackupError `backup_damaged` for a file that is no sound database or not the one that was announced;
 *   `invalid_request` for the live database, and for one that is in use
 */
export function importBackup(parts: OperationParts, file: string, input: ImportInput): OperationRun<Backup> {
  const spec = {
    type: 'upload',
    by: callerName(input),
    from: input.from,
    exclusive: false,
    signal: input.signal,
    failedEvent: 'backup.failed',
  } as const;
  return parts.runner.run(spec, async (context) => {
    const createdAt = parts.clock().toISOString();
    const startedAt = performance.now();
    const staged = join(context.staging, `upload.${parts.engine.extension}`);
    const size = await sizeOf(file);
    return withSpace(parts.vault, size, async () => {
      await takeIn(parts, file, staged, input.move === true);
      const imported = await normalise(parts, staged, input.sha256, context);
      context.signal.throwIfAborted();
      context.phase('publishing');
      const draft = draftManifest(parts, {
        snapshot: imported,
        kind: 'uploaded',
        level: 'full',
        createdAt,
        createdBy: context.operation.startedBy,
        notes: input.notes ?? null,
        warnings: await newObjectsWarning(parts, imported, context),
        durationMs: Math.round(performance.now() - startedAt),
      });
      const backup = await parts.vault.publish(staged, draft, context.staging);
      context.concerns(backup.filename);
      parts.events.emit('backup.created', backup);
      return backup;
    });
  });
}

/** Of a file: a directory has no bytes, and reading a pipe may never end. */
async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(refuseMissing);
  if (!found.isFile()) throw new BackupError('invalid_request', 'Only a file can be imported, and this is none.');
  return found.size;
}

function refuseMissing(error: unknown): never {
  if (!/^(ENOENT|ENOTDIR)$/.test(systemCode(error) ?? '')) throw error;
  throw new BackupError('backup_not_found', 'There is no file to import.', { cause: error });
}

async function takeIn({ engine, runner }: OperationParts, from: string, to: string, move: boolean): Promise<void> {
  if (move) {
    const { staging } = await runner.instance();
    if (!from.startsWith(staging + sep))
      throw new BackupError('invalid_request', 'Only a file in a directory of reserveStaging can be moved.');
    await rename(from, to);
  } else {
    await engine.requireStandAlone(from);
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await chmod(to, 0o600);
}

async function normalise(
  { engine }: OperationParts,
  staged: string,
  sha256: string | undefined,
  context: OperationContext,
): Promise<ImportedFile> {
  try {
    const imported = await engine.normalise(staged, context.engine);
    if (sha256 === undefined || imported.receivedSha256 === sha256.toLowerCase()) return imported;
  } catch (error) {
    // A file whose check does not end is a way to attack; it is refused like any other bad file.
    if (!(error instanceof BackupError) || error.code !== 'deadline_exceeded') throw error;
    throw new BackupError('backup_damaged', 'The check of the file did not end in time.', { cause: error });
  }
  throw new BackupError('backup_damaged', 'The SHA-256 of the file is not the one that was announced.', {
    facts: { problems: ['sha256'] },
  });
}

/** Triggers and views run the SQL of whoever made the file, so the operator hears of those that are new. */
async function newObjectsWarning(
  { engine }: OperationParts,
  imported: ImportedFile,
  context: OperationContext,
): Promise<string[]> {
  const names = Object.keys(imported.objects);
  if (names.length === 0) return [];
  const live = await engine.inspectLive(context.engine).catch((error: unknown) => {
    if (error instanceof BackupError && !context.signal.aborted) return { objects: {} as Record<string, string> };
    throw error;
  });
  const brought = names.filter((name) => live.objects[name] !== imported.objects[name]);
  return brought.length === 0
    ? []
    : [`It brings triggers or views that the live database does not have: ${brought.slice(0, 20).join(', ')}.`];
}
