import type { SchemaChange, TableChange } from '../../engines/engine.js';
import type { Command } from '../command.js';
import type { Terminal } from '../terminal.js';

export function compare(from: string, to: string): Command {
  return async ({ service, terminal, caller }) => {
    const outcome = await service.compare(from, to, caller);
    const { schema, tables } = outcome;
    const isSame =
      schema.length === 0 && tables.every(({ added, removed, changed }) => added + removed + changed === 0);
    terminal.tell(outcome, [
      `From ${outcome.from} to ${outcome.to}`,
      ...(isSame ? ['There is no difference.'] : [...schema.map(spellChange), ...tableLines(tables, terminal)]),
    ]);
    return 0;
  };
}

const spellChange = ({ type, name, table, change }: SchemaChange): string =>
  `  ${change} ${type} ${type === 'table' ? name : `${name} (${table})`}`;

function tableLines(tables: readonly TableChange[], terminal: Terminal): string[] {
  const rows = tables.map(({ name, rowsFrom, rowsTo, added, removed, changed }) =>
    [name, rowsFrom ?? '-', rowsTo ?? '-', added, removed, changed].map(String),
  );
  return terminal.table(['TABLE', 'FROM', 'TO', 'ADDED', 'REMOVED', 'CHANGED'], rows);
}

/** What a restore would do, for whoever is about to confirm it. */
export function preview(tables: readonly TableChange[]): string[] {
  const touched = tables.filter(({ added, removed, changed }) => added + removed + changed > 0);
  if (touched.length === 0) return ['No row would change.'];
  return touched.map(({ name, rowsFrom, rowsTo, added, removed, changed }) => {
    const effects = [
      removed > 0 && `${spell(removed)} would go`,
      added > 0 && `${spell(added)} would come`,
      changed > 0 && `${spell(changed)} would change`,
    ].filter(Boolean);
    return `${name}: ${spell(rowsFrom ?? 0)} rows now, ${spell(rowsTo ?? 0)} after; ${effects.join(', ')}`;
  });
}

const spell = (count: number): string => count.toLocaleString('en-US');
