import { errorTable } from '../../error-table.js';
import type { VerificationLevel } from '../../options/backup-kind.js';
import type { Command } from '../command.js';
import { spellMs } from '../terminal.js';

export function verify(name: string, { level }: { readonly level?: VerificationLevel }): Command {
  return async ({ service, terminal, caller }) => {
    const outcome = await service.verify(name, { ...caller, level });
    const { filename, ok, problems, warnings, durationMs } = outcome;
    const verdict = ok ? terminal.style('green', 'is sound') : terminal.style('red', 'is DAMAGED');
    terminal.tell(outcome, [
      `${filename} ${verdict} (${outcome.level}, ${spellMs(durationMs)})`,
      ...problems.map((problem) => `  ${problem}`),
      ...warnings.map((warning) => `  ${terminal.style('yellow', warning)}`),
    ]);
    return ok ? 0 : errorTable.backup_damaged.exitCode;
  };
}
