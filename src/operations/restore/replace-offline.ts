import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { RestoreInput, SafetyPublication } from '../../engines/restore-report.js';
import { BackupError } from '../../errors.js';
import type { HostConnection } from '../../options/service-options.js';
import type { Backup } from '../../vault/backup.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';
import { incomingFile } from './incoming-file.js';
import type { ReplaceInput, Replacement } from './replacement.js';
import { writeIntent } from './under-journal.js';

/** Closing and opening connections is a matter of moments; a host that takes longer has lost track of it. */
const longestStepMs = 30_000;

export interface OfflineInput extends ReplaceInput {
  readonly request: Omit<RestoreInput, 'waitMs'>;
  readonly publication: SafetyPublication;
}

/**
 * 1. Has the host close its connections.
 * 2. Has the engine keep the damaged files as they are and put the new file in their place.
 * 3. Has the host open its connections again, whatever became of the first two.
 *
 * @throws BackupError `database_busy` when they could not be closed, or another process has the file open
 */
export async function replaceOffline(
  parts: OperationParts,
  connection: HostConnection,
  input: OfflineInput,
  context: OperationContext,
): Promise<Replacement> {
  const incoming = incomingFile(parts.engine.liveFile ?? '', context.operation.id);
  await writeIntent(parts, input, { incoming, raisesCookieBy: 0 }, context);
  const report = await whileClosed(parts, connection, context, () =>
    parts.engine
      .restoreOffline({ ...input.request, incoming }, input.publication, context.engine)
      // The process that works on it may have been killed.
      .finally(() => rm(incoming, { force: true })),
  );
  const warnings = report.reopened ? [] : ['connection.reopen() failed: the application must be restarted.'];
  const { reopened, result } = report;
  return {
    report: { ...result, warnings: [...result.warnings, ...warnings] },
    safety: result.safety as Backup,
    restartRequired: !reopened,
  };
}

async function whileClosed<Result>(
  parts: OperationParts,
  connection: HostConnection,
  context: OperationContext,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly reopened: boolean }> {
  context.phase('closing connections');
  const outcome = await attempt(async () => {
    const closed = await step(parts, connection.close, context.signal);
    context.signal.throwIfAborted();
    if (!closed)
      throw new BackupError('database_busy', 'connection.close() of the application failed; nothing was replaced.');
    return work();
  });
  const reopened = await step(parts, connection.reopen);
  if ('result' in outcome) return { result: outcome.result, reopened };
  const { error } = outcome;
  if (reopened || !(error instanceof BackupError)) throw error;
  throw new BackupError(error.code, `${error.message} connection.reopen() failed too: restart the application.`, {
    facts: { ...error.facts, restartRequired: true },
    cause: error,
  });
}

async function attempt<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result } | { readonly error: unknown }> {
  try {
    return { result: await work() };
  } catch (error) {
    return { error };
  }
}

/** Whether the host's function did what it is for; why it did not is told to the host alone. */
async function step({ events }: OperationParts, run: HostConnection['close'], signal?: AbortSignal): Promise<boolean> {
  const waiting = new AbortController();
  const tooLong = delay(longestStepMs, false, {
    ref: false,
    signal: AbortSignal.any([waiting.signal, ...(signal === undefined ? [] : [signal])]),
  });
  tooLong.catch(() => undefined);
  try {
    if (await Promise.race([Promise.resolve(run()).then(() => true), tooLong])) return true;
    throw new Error(`It did not end within ${longestStepMs} ms.`);
  } catch (error) {
    if (signal?.aborted !== true) events.emit('internal.error', { instance: null, error });
    return false;
  } finally {
    waiting.abort();
  }
}
