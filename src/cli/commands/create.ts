import type { Command } from '../command.js';
import { spellBytes, spellMs } from '../terminal.js';

export function create(flags: { readonly notes?: string }): Command {
  return async ({ service, terminal, caller }) => {
    const backup = await service.create({ ...caller, notes: flags.notes });
    const { filename, size, durationMs, warnings } = backup;
    terminal.tell({ backup }, [
      `${terminal.style('green', 'Created')} ${filename} (${spellBytes(size)}, ${spellMs(durationMs ?? 0)})`,
      ...warnings.map((warning) => terminal.style('yellow', warning)),
    ]);
  };
}
