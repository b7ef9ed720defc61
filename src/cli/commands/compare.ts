import type { SchemaChange, TableChange } from '../../engines/comparison.js';
import type { CompareOutcome } from '../../operations/backups/compare-backups.js';
import { foldCase } from '../../system/fold-case.js';
import type { Command, CommandContext } from '../command.js';
import type { Terminal } from '../terminal.js';

export function compare(from: string, to: string): Command {
  return async ({ service, terminal, caller }) => {
    const outcome = await service.compare(from, to, caller);
    const unseen = await namesUnseen(service, outcome);
    terminal.tell(outcome, [`From ${outcome.from} to ${outcome.to}`, ...linesOf(outcome, unseen, terminal)]);
    return 0;
  };
}

function linesOf({ schema, tables }: CompareOutcome, unseen: Unseen, terminal: Terminal): string[] {
  const isSame = schema.length === 0 && !tables.some(isTouched);
  if (isSame) return [`There is no difference${ofCompared(unseen)}.`, ...spellUnseen(unseen)];
  const changes = schema.map((change) => `  ${change.change} ${spellObject(change)}`);
  return [...changes, ...tableLines(tables, terminal), ...spellUnseen(unseen)];
}

const isTouched = ({ added, removed, changed }: TableChange): boolean => added + removed + changed > 0;

const spellObject = ({ type, name, table }: Pick<SchemaChange, 'type' | 'name' | 'table'>): string =>
  `${type} ${type === 'table' || type === 'view' ? name : `${name} (${table})`}`;

function tableLines(tables: readonly TableChange[], terminal: Terminal): string[] {
  const rows = tables.map(({ name, rowsFrom, rowsTo, added, removed, changed }) =>
    [name, rowsFrom ?? '-', rowsTo ?? '-', added, removed, changed].map(String),
  );
  return terminal.table(['TABLE', 'FROM', 'TO', 'ADDED', 'REMOVED', 'CHANGED'], rows);
}

/** Names of what has rows, or shows some, and is not compared; null where nobody has looked. */
type Unseen = readonly string[] | null;

/** Tables in which a virtual one keeps what it has, by the endings that the modules of SQLite give them. */
const shadow = /_(?:data|idx|content|docsize|config|segments|segdir|stat|node|parent|rowid)$/;

/** A comparison counts the rows of ordinary tables alone; which others there are the live database tells. */
export async function namesUnseen(
  service: CommandContext['service'],
  { from, to, tables, schema }: CompareOutcome,
): Promise<Unseen> {
  if (from !== 'live' && to !== 'live') return null;
  const compared = new Set(tables.map(({ name }) => foldCase(name)));
  const coming = schema.filter((change) => /^CREATE\s+VIRTUAL\s/i.test(change.from ?? change.to ?? ''));
  const { tables: present } = await service.examine();
  const names = [...new Set([...present, ...coming.map(({ name }) => name)])];
  const isKept = (name: string): boolean => shadow.test(name) && names.includes(name.replace(shadow, ''));
  return names.filter((name) => !compared.has(foldCase(name)) && !isKept(name));
}

const ofCompared = (unseen: Unseen): string => (unseen?.length === 0 ? '' : ' in what was compared');

function spellUnseen(unseen: Unseen): string[] {
  if (unseen === null) return ['Rows of virtual tables are not compared.'];
  return unseen.length === 0 ? [] : [`Not compared are the rows of virtual tables and views: ${unseen.join(', ')}`];
}

/** What a restore would do, for whoever is about to confirm it. */
export function preview({ schema, tables }: Pick<CompareOutcome, 'schema' | 'tables'>, unseen: Unseen): string[] {
  const effects = { added: 'come', removed: 'go', changed: 'change' } as const;
  const lines = [
    ...schema.map((change) => `${spellObject(change)} would ${effects[change.change]}`),
    ...tables.filter(isTouched).map(spellTable),
  ];
  if (lines.length === 0) lines.push(`Nothing would change${ofCompared(unseen)}.`);
  return [...lines, ...spellUnseen(unseen)];
}

function spellTable({ name, rowsFrom, rowsTo, added, removed, changed }: TableChange): string {
  const effects = [
    removed > 0 && `${spell(removed)} would go`,
    added > 0 && `${spell(added)} would come`,
    changed > 0 && `${spell(changed)} would change`,
  ].filter(Boolean);
  return `${name}: ${spell(rowsFrom ?? 0)} rows now, ${spell(rowsTo ?? 0)} after; ${effects.join(', ')}`;
}

const spell = (count: number): string => count.toLocaleString('en-US');
