import { BackupError } from '../errors.js';
import type { OperationParts } from './operation-parts.js';
import type { OperationContext } from './operation-runner.js';
import type { ReplaceInput } from './replacement.js';
import { whatIsLeft } from './settle-restore.js';

/**
 * Runs whatever replaces the live content with the maintenance gate raised, until its outcome is known; then the journal
 * ends. Once the safety backup has a name, or the engine's process was lost, the error says what the live database has now.
 */
export async function underJournal<Result>(parts: OperationParts, replace: () => Promise<Result>): Promise<Result> {
  const { journal, maintenance, runner } = parts;
  const lower = maintenance.raise();
  try {
    return await replace();
  } catch (error) {
    const entry = journal.read();
    const told = runner.told(error);
    // Nothing is replaced before the safety backup is named; of a process that was lost it is told all the same.
    const isTold = told.facts.safetyBackup !== undefined;
    if (entry === null || isTold || (entry.safetyBackup === null && told.code !== 'engine_crashed')) throw told;
    // Where it cannot be seen, what went wrong first is what is told.
    const left = await whatIsLeft(parts, entry).catch(() => ({}));
    const facts = { ...told.facts, ...left };
    throw new BackupError(told.code, told.message, { facts, cause: error });
  } finally {
    // The outcome is known; an entry that stays is found out to be settled by the next start.
    await journal.end().catch((error: unknown) => runner.told(error));
    lower();
  }
}

export async function writeIntent(
  { journal, runner }: OperationParts,
  { filename, source, live, tables }: ReplaceInput,
  incoming: string | null,
  { operation, staging }: OperationContext,
): Promise<void> {
  const intent = {
    operation: operation.id,
    instance: (await runner.instance()).id,
    startedAt: operation.startedAt,
    startedBy: operation.startedBy,
    restored: filename,
    only: tables === undefined ? null : [...tables],
    before: live && { schemaCookie: live.schemaCookie },
    // Rows that are replaced leave the schema as it is.
    schemaSha256: (tables === undefined ? source.facts : live)?.schemaSha256 ?? '',
    incoming,
  };
  await journal.intend(intent, staging);
}
