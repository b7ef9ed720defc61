import { join } from 'node:path';
import { BackupError } from '../../errors.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';
import { stageBackup } from '../staging/stage-backup.js';
import { replaceLive } from './replace-live.js';
import type { Replacement } from './replacement.js';

/**
 * Puts the safety backup back after a restore whose result did not pass its check.
 * @throws BackupError `restore_rolled_back` or `roll_back_failed`, always: the restore that was asked for did not happen
 */
export async function rollBack(
  parts: OperationParts,
  filename: string,
  { safety, report }: Replacement,
  context: OperationContext,
): Promise<never> {
  context.phase('rolling back');
  const facts = { restored: filename, safetyBackup: safety.filename, problems: report.problems };
  try {
    await putBack(parts, filename, safety.filename, unstoppable(parts, context));
  } catch (cause) {
    throw new BackupError(
      'roll_back_failed',
      `After the restore of ${filename} the database did not pass its check; ${safety.filename} holds what it was before.`,
      { facts, cause },
    );
  }
  throw new BackupError(
    'restore_rolled_back',
    `After the restore of ${filename} the database did not pass its check; ${safety.filename} was put back.`,
    { facts },
  );
}

/** Whoever cancels now, or has since the commit, wants what was there before. */
function unstoppable({ options }: OperationParts, context: OperationContext): OperationContext {
  const signal = AbortSignal.timeout(options.limits.operationMs);
  return { ...context, signal, engine: { ...context.engine, signal } };
}

async function putBack(
  parts: OperationParts,
  undone: string,
  filename: string,
  context: OperationContext,
): Promise<void> {
  const { manifest } = await parts.vault.manifest(filename);
  if (manifest === null) throw new Error('The safety backup has lost its manifest.');
  const staged = join(context.staging, `roll-back.${parts.engine.extension}`);
  const source = await stageBackup(parts, manifest, staged, context);
  const live = await parts.engine.inspectLive(context.engine);
  const notes = `Replaced when the restore of ${undone} was undone`;
  const undoes = { restored: undone, safetyBackup: filename };
  const input = { filename, staged, source, rows: manifest.tables, live, notes, requiredTables: [], undoes };
  const { report } = await replaceLive(parts, input, context);
  if (report.problems.length > 0) throw new Error(report.problems.join(' '));
}
