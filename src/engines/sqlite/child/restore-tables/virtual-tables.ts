import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { quote } from '../database/columns.js';

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
  return others.flatMap(({ name }) => {
    const keeper = triggers.find(({ sql }) => foldCase(sql).includes(foldCase(name)));
    return keeper === undefined
      ? []
      : [`${name} is kept by the trigger ${keeper.name}, which did not fire: it must be built anew.`];
  });
}

function viewsOf(database: Database): string[] {
  return database.prepare(`SELECT name FROM main.sqlite_schema WHERE type = 'view'`).pluck().all() as string[];
}

const contentPattern =
  /USING\s+["'`[]?fts[345]["'`\]]?\s*\(.*?[,(\s]content\s*=\s*(?:'((?:[^']|'')+)'|"((?:[^"]|"")+)"|\[([^\]]+)\]|`((?:[^`]|``)+)`|([^\s,)'"]+))/is;

/** The table or view that a full-text index looks into, or undefined. */
function contentOf(sql: string): string | undefined {
  const name = contentPattern
    .exec(sql)
    ?.slice(1)
    .find((found) => found !== undefined);
  return name?.replaceAll("''", "'").replaceAll('""', '"').replaceAll('``', '`');
}
