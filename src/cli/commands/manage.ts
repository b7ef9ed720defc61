import type { Command } from '../command.js';
import { spellBytes } from '../terminal.js';

export function remove(name: string): Command {
  return async ({ service, terminal, caller }) => {
    const removed = await service.remove(name, caller);
    terminal.tell(removed, [`Removed ${removed.filename}, ${spellBytes(removed.freedBytes)} freed`]);
  };
}

/** A pinned backup is never removed. */
export function pin(name: string, { off = false }: { readonly off?: boolean }): Command {
  return async ({ service, terminal, caller }) => {
    const backup = await service.update(name, { pinned: !off }, caller);
    terminal.tell({ backup }, [`${backup.filename} is ${backup.pinned ? 'pinned' : 'no longer pinned'}`]);
  };
}
