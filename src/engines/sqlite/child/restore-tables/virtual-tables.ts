import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { quote } from '../database/columns.js';
import { readVirtualTable, unquote } from './read-virtual-table.js';

interface Virtual {
  readonly name: string;
  readonly sql: string;
}

export interface Trigger {
  readonly name: string;
  readonly sql: string;
}

/**
 * Builds full-text indexes anew that keep no content of their own and look into one of these tables, or into a view. What
 * else is kept by the triggers of these tables, which did not fire, is nobody's to build but the application's.
 * @returns warnings that name those
 */
export function renewVirtualTables(
  database: Database,
  names: readonly string[],
  triggers: readonly Trigger[],
): string[] {
  const virtual = database
    .prepare(`SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%'`)
    .all() as Virtual[];
  const wanted = new Set([...names, ...viewsOf(database)].map(foldCase));
  const stale = virtual.filter(({ sql }) => wanted.has(foldCase(contentOf(sql) ?? '')));
  for (const { name } of stale) database.exec(`INSERT INTO main.${quote(name)}(${quote(name)}) VALUES ('rebuild')`);
  const others = virtual.filter((one) => !stale.includes(one));
  return others.flatMap((one) => warningOf(database, one, triggers));
}

function warningOf(database: Database, { name, sql }: Virtual, triggers: readonly Trigger[]): string[] {
  const keeper = triggers.find((trigger) => foldCase(trigger.sql).includes(foldCase(name)));
  if (keeper !== undefined)
    return [`${name} is kept by the trigger ${keeper.name}, which did not fire: it must be built anew.`];
  const isUnclear = /\bfts[345]\b/i.test(sql) && contentOf(sql) === undefined && !hasOwnContent(database, name);
  return isUnclear ? [`${name} has no content of its own, and nothing tells whose it has: build it anew.`] : [];
}

function viewsOf(database: Database): string[] {
  return database.prepare(`SELECT name FROM main.sqlite_schema WHERE type = 'view'`).pluck().all() as string[];
}

/** What a full-text index looks into: a table or a view, '' for nothing on purpose; undefined for content of its own. */
function contentOf(sql: string): string | undefined {
  const { module, options } = readVirtualTable(sql) ?? { module: '', options: [] };
  for (const option of options) {
    const [, key = '', value = ''] = /^(\w+)\s*=\s*(.*)$/s.exec(option) ?? [];
    if (isContent(module, key.toLowerCase())) return unquote(value);
  }
  return undefined;
}

/** FTS5 takes the beginning of a key for all of it. */
function isContent(module: string, key: string): boolean {
  if (module === 'fts4') return key === 'content';
  return module === 'fts5' && key !== '' && 'content'.startsWith(key);
}

/** Whatever was read of it, a full-text index without this table has its content from elsewhere. */
function hasOwnContent(database: Database, name: string): boolean {
  const table = database.prepare(`SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE`);
  return table.get(`${name}_content`) !== undefined;
}
