import { foldCase } from '../system/fold-case.js';
import type { DatabaseState } from './assess-database.js';
import type { Loss } from './find-losses.js';
import { type Assessment, commands, type Finding } from './finding.js';

type Live = Pick<DatabaseState, 'state' | 'tables'>;

/** With more the line grows too long to be copied, and the whole backup is restored. */
const mostTables = 20;

/**
 * Degraded, not critical: whether the application can work without these rows only its people know.
 * @param losses null where there is no backup to compare with
 */
export function assessLosses(losses: readonly Loss[] | null, live: Live): Assessment {
  const [worst] = losses?.toSorted((a, b) => b.rows - a.rows) ?? [];
  if (losses !== null && worst !== undefined)
    return { checks: { tables_kept: false }, findings: [findingOf(worst, losses, live)] };
  // Of a database that is gone, or cannot be seen, more important things are told.
  return { checks: { tables_kept: losses === null || live.state !== 'readable' ? null : true }, findings: [] };
}

function findingOf({ table, rows, backup }: Loss, losses: readonly Loss[], live: Live): Finding {
  const others = losses.length - 1;
  const more = others === 0 ? '' : ` So did ${others} more ${others === 1 ? 'table' : 'tables'}.`;
  const lost = `The table ${table} lost all its rows; it had ${rows} in ${backup}.${more}`;
  return {
    check: 'tables_kept',
    severity: 'degraded',
    message: `${lost} Name tables that may be empty in \`mayEmpty\`.`,
    command: commandFor(backup, losses, live),
  };
}

/** The rows of these tables alone, where that can be, so that all others stay as they are now. */
function commandFor(backup: string, losses: readonly Loss[], { state, tables }: Live): string {
  const names = new Set(state === 'readable' ? tables.map(foldCase) : []);
  const lost = losses.filter((loss) => loss.backup === backup).map(({ table }) => table);
  // What begins like a flag is taken for one.
  const isPossible = lost.every((table) => names.has(foldCase(table)) && !table.startsWith('-'));
  return isPossible && lost.length <= mostTables ? commands.restoreTables(backup, lost) : commands.restore(backup);
}
