import type { Receipt } from '../../events/outcomes.js';
import type { Command } from '../command.js';
import { spellBytes, spellInstant, spellMs, type Terminal } from '../terminal.js';

export interface RestoreFlags {
  readonly confirm?: string;
  readonly acceptNewTriggers?: boolean;
}

export function restore(name: string, { confirm, acceptNewTriggers }: RestoreFlags): Command {
  return async ({ service, settings, terminal, signal, caller }) => {
    const { filename, createdAt, size, sha256 } = await service.get(name);
    terminal.note(`${filename}, ${spellInstant(createdAt)}, ${spellBytes(size)}`);
    await terminal.confirm(confirm, settings.confirmationPhrase, signal);
    const ifSha256 = sha256 === null ? undefined : [sha256];
    const receipt = await service.restore(filename, { ...caller, acceptNewTriggers, ifSha256 });
    terminal.tell(receipt, linesOf(receipt, terminal));
  };
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
