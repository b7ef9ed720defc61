import type { JournalEntry } from '../../coordination/journal.js';
import { BackupError } from '../../errors.js';
import type { LiveContent } from '../../events/outcomes.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';
import type { ReplaceInput } from './replacement.js';
import { whatIsLeft } from './settle-restore.js';

/**
 * Runs whatever replaces the live content with the maintenance gate raised, until its outcome is known; then the journal
 * ends. Once the safety backup has a name, or the engine's process was lost, the error says what the live database has now.
 */
export async function underJournal<Result>(parts: OperationParts, replace: () => Promise<Result>): Promise<Result> {
  const { journal, maintenance, runner } = parts;
  const lower = maintenance.raise();
  let live: LiveContent = 'new';
  try {
    return await replace();
  } catch (error) {
    const told = runner.told(error);
    const left = await leftAfter(parts, told);
    live = left.live;
    throw left.facts === undefined ? told : new BackupError(told.code, told.message, { ...left, cause: error });
  } finally {
    // An entry that stays is found out to be settled by the next start.
    await journal.end(live).catch((error: unknown) => runner.told(error));
    lower();
  }
}

interface LeftAfter {
  readonly live: LiveContent;
  /** Where the error does not tell it yet. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

async function leftAfter(parts: OperationParts, { code, facts }: BackupError): Promise<LeftAfter> {
  const entry = parts.journal.read();
  if (code === 'roll_back_failed') return { live: 'new' };
  // Nothing is replaced before the safety backup is named; of a process that was lost it is told all the same.
  const isUntouched = entry === null || (entry.safetyBackup === null && code !== 'engine_crashed');
  if (isUntouched || code === 'restore_rolled_back') return { live: 'old' };
  // Where it cannot be seen, what went wrong first is what is told.
  const left = await whatIsLeft(parts, entry).catch(() => null);
  return { live: left?.live ?? 'unknown', facts: { ...facts, ...left } };
}

export async function writeIntent(
  { journal, runner }: OperationParts,
  { filename, source, rows, live, tables, undoes }: ReplaceInput,
  { incoming, raisesCookieBy }: Pick<JournalEntry, 'incoming' | 'raisesCookieBy'>,
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
    raisesCookieBy,
    // Rows that are replaced leave the schema as it is.
    schemaSha256: (tables === undefined ? source.facts : live)?.schemaSha256 ?? '',
    rows,
    undoes: undoes ?? null,
    incoming,
  };
  await journal.intend(intent, staging);
}
