import { BackupError, toBackupError } from '../../errors.js';
import type { Receipt } from '../../events/outcomes.js';
import type { Replaced } from '../../operations/restore/last-replaced.js';
import { foldCase } from '../../system/fold-case.js';
import type { Command, CommandContext } from '../command.js';
import { spellBytes, spellInstant, spellMs, type Terminal } from '../terminal.js';
import { namesUnseen, preview } from './compare.js';

export interface RestoreFlags {
  readonly confirm?: string;
  readonly acceptNewTriggers?: boolean;
  readonly tables?: readonly string[];
}

/** Stands for what the last restore replaced. */
const undo = 'undo';

export function restore(name: string, flags: RestoreFlags): Command {
  const { confirm, acceptNewTriggers } = flags;
  return async (context) => {
    const { service, settings, terminal, signal, caller } = context;
    if (name === undo && flags.tables !== undefined)
      throw new BackupError(
        'invalid_request',
        'An undo puts back what the last restore replaced: no tables are named.',
      );
    const wanted = name === undo ? await service.lastReplaced() : { filename: name, tables: flags.tables };
    const { tables } = wanted;
    const { filename, createdAt, size, sha256 } = await service.get(wanted.filename);
    terminal.note(`${filename}, ${spellInstant(createdAt)}, ${spellBytes(size)}`);
    if (terminal.isInteractive) await showPreview(context, filename, tables);
    await terminal.confirm(confirm, settings.confirmationPhrase, signal);
    if (name === undo) requireSame(wanted, await service.lastReplaced());
    const ifSha256 = sha256 === null ? undefined : [sha256];
    const receipt = await service.restore(filename, { ...caller, acceptNewTriggers, tables, ifSha256 });
    terminal.tell(receipt, linesOf(receipt, terminal));
  };
}

/** Whoever confirmed has seen what this would do; while they read, the application may have restored something else. */
function requireSame(seen: Replaced, now: Replaced): void {
  if (seen.filename === now.filename && String(seen.tables) === String(now.tables)) return;
  throw new BackupError(
    'backup_changed',
    `Another restore has ended meanwhile: an undo would now put back ${now.filename}. Look at it by asking again.`,
  );
}

/** Of a live database that cannot be read nothing would be lost; the restore itself says what is wrong with it. */
async function showPreview(
  { service, terminal, caller }: CommandContext,
  filename: string,
  chosen: readonly string[] | undefined,
): Promise<void> {
  try {
    const outcome = await service.compare('live', filename, caller);
    const names = new Set(chosen?.map(foldCase));
    // With rows alone no schema comes, and what is not compared stays.
    const lines =
      chosen === undefined
        ? preview(outcome, await namesUnseen(service, outcome))
        : preview({ schema: [], tables: outcome.tables.filter(({ name }) => names.has(foldCase(name))) }, []);
    for (const line of lines) terminal.note(`  ${line}`);
  } catch (error) {
    caller.signal.throwIfAborted();
    terminal.note(`  The live database cannot be compared with it: ${toBackupError(error).message}`);
  }
}

function linesOf({ restored, safetyBackup, durationMs, tables, warnings }: Receipt, terminal: Terminal): string[] {
  const spell = (rows: number | null): string => (rows === null ? '-' : String(rows));
  return [
    `${terminal.style('green', 'Restored')} ${restored} (${spellMs(durationMs)})`,
    `What was there before is in ${safetyBackup}`,
    ...terminal.table(
      ['TABLE', 'BEFORE', 'AFTER'],
      Object.entries(tables).map(([table, { before, after }]) => [table, spell(before), spell(after)]),
    ),
    ...warnings.map((warning) => terminal.style('yellow', warning)),
  ];
}
