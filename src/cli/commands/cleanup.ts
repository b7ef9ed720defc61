import { errorTable } from '../../error-table.js';
import type { Command } from '../command.js';
import { requireRetention } from '../config.js';
import { spellBytes } from '../terminal.js';

export function cleanup({ dryRun = false }: { readonly dryRun?: boolean }): Command {
  return async ({ service, settings, terminal, caller }) => {
    requireRetention(settings);
    const outcome = await service.cleanup({ ...caller, dryRun });
    const { deleted, kept, failed, freedBytes } = outcome;
    const would = dryRun ? 'would be removed' : 'removed';
    const rows = [
      ...deleted.map(({ filename, reason }) => [
        terminal.style('red', dryRun ? 'remove' : 'removed'),
        filename,
        reason,
      ]),
      ...failed.map(({ filename, reason }) => [terminal.style('yellow', 'failed'), filename, reason]),
      ...kept.map(({ filename, reason }) => [terminal.style('green', 'keep'), filename, reason]),
    ];
    terminal.tell(outcome, [
      ...terminal.table(['', 'NAME', 'REASON'], rows),
      `${deleted.length} ${would}, ${kept.length} kept, ${spellBytes(freedBytes)} freed`,
    ]);
    return failed.length === 0 ? 0 : errorTable.vault_read_only.exitCode;
  };
}
