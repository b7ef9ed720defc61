import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Backup } from '../../vault/backup.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';
import type { PublishSafetyInput } from './publish-safety.js';
import { replaceOffline } from './replace-offline.js';
import type { ReplaceInput, Replacement } from './replacement.js';
import { writeIntent } from './under-journal.js';

const publishSafetyModule = new URL('./publish-safety.js', import.meta.url).href;

/** More than an application changes its schema meanwhile; the backup API, which replaces all of it, raises it by one. */
const tableRestoreRaises = [1_000, 60_000] as const;

/** Writes the intent into the journal, then replaces the live content, in place or, where it cannot be read, offline. */
export async function replaceLive(
  parts: OperationParts,
  input: ReplaceInput,
  context: OperationContext,
): Promise<Replacement> {
  const { engine, options, place } = parts;
  const { staged, live, notes, requiredTables, tables } = input;
  const safetyDestination = join(context.staging, `safety-${performance.now()}.${engine.extension}`);
  const publicationInput: PublishSafetyInput = {
    place,
    engine: { name: engine.name, sourceName: engine.sourceName },
    file: safetyDestination,
    staging: context.staging,
    createdBy: context.operation.startedBy,
    notes,
  };
  const publication = { module: publishSafetyModule, input: publicationInput };
  const { limits, connection } = options;
  const request = { source: staged, safetyDestination, requiredTables };
  if (live === null) {
    if (connection === undefined) throw new Error('Only with the option `connection` is a file replaced.');
    return replaceOffline(parts, connection, { ...input, request, publication }, context);
  }
  const raisesCookieBy = tables === undefined ? 1 : randomInt(...tableRestoreRaises);
  await writeIntent(parts, input, { incoming: null, raisesCookieBy }, context);
  const waiting = { ...request, waitMs: limits.restoreWaitMs };
  const report = await (tables === undefined
    ? engine.restore(waiting, publication, context.engine)
    : engine.restoreTables({ ...waiting, tables, raisesCookieBy }, publication, context.engine));
  return { report, safety: report.safety as Backup, restartRequired: false };
}
