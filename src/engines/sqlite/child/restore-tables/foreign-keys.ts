import { foldCase } from '../../../../system/fold-case.js';
import type { Database } from '../../../../system/load-better-sqlite3.js';
import { quote } from '../database/columns.js';
import { primaryKeyOf, whyUnchecked } from './parent-keys.js';

/** A reference from one table to another, of one or more columns. */
interface Reference {
  readonly child: string;
  readonly parent: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Why SQLite cannot check it, or null. */
  readonly unchecked: string | null;
}

/** What a check found. */
export interface Orphans {
  /** Sentences about references to rows that are missing and were not before; empty when all is well. */
  readonly fresh: readonly string[];
  /** About those that were missing before as well. */
  readonly old: readonly string[];
  /** About those to what is no table or no key of one: nothing tells whether the row is there. */
  readonly unchecked: readonly string[];
}

/**
 * Remembers which references of these tables, and to them, lead nowhere. `PRAGMA foreign_key_check` tells rows, which a
 * restore replaces; here the values are told, so that an old fault hides no new one, and one key that SQLite cannot check no other.
 * @returns looks again and tells what has changed
 */
export function watchForeignKeys(database: Database, names: readonly string[]): () => Orphans {
  const all = referencesOf(database, names);
  const references = all.filter(({ unchecked }) => unchecked === null);
  for (const [index, reference] of references.entries())
    database.exec(`CREATE TEMP TABLE ${before(index)} AS ${orphansSql(reference)}`);
  return () => {
    const found = references.map((reference, index) => {
      const orphans = orphansSql(reference);
      const count = (sql: string): number => Number(database.prepare(`SELECT count(*) FROM (${sql})`).pluck().get());
      const told = `rows of ${reference.child} refer to rows of ${reference.parent} that would be missing`;
      const isFresh = count(`${orphans} EXCEPT SELECT * FROM ${before(index)}`) > 0;
      return { told, isFresh, isOld: !isFresh && count(orphans) > 0 };
    });
    for (const index of references.keys()) database.exec(`DROP TABLE ${before(index)}`);
    return {
      fresh: found.flatMap(({ told, isFresh }) => (isFresh ? [told] : [])),
      old: found.flatMap(({ told, isOld }) => (isOld ? [told.replace('would be', 'are')] : [])),
      unchecked: all.flatMap((reference) => tellUnchecked(database, reference)),
    };
  };
}

/** Only where a row refers to something at all. */
function tellUnchecked(database: Database, reference: Reference): string[] {
  const { child, unchecked } = reference;
  if (unchecked === null || database.prepare(`${valuesSql(reference)} LIMIT 1`).get() === undefined) return [];
  return [`rows of ${child} refer to ${unchecked}: nothing tells whether what they refer to is there`];
}

const before = (index: number): string => `temp.express_db_backup_orphans_${index}`;

function referencesOf(database: Database, names: readonly string[]): Reference[] {
  const wanted = new Set(names.map(foldCase));
  const tables = database
    .prepare(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'`)
    .pluck()
    .all() as string[];
  const list = database.prepare(
    `SELECT id, "table" AS parent, "from", "to" FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq`,
  );
  return tables.flatMap((child) => {
    const rows = list.all(child) as { id: number; parent: string; from: string; to: string | null }[];
    const ids = [...new Set(rows.map(({ id }) => id))];
    return ids.flatMap((id): Reference[] => {
      const own = rows.filter((row) => row.id === id);
      const parent = own[0]?.parent ?? '';
      if (!wanted.has(foldCase(child)) && !wanted.has(foldCase(parent))) return [];
      const [from, named] = [own.map((row) => row.from), own.flatMap((row) => (row.to === null ? [] : [row.to]))];
      const to = named.length === from.length ? named : primaryKeyOf(database, parent);
      return [{ child, parent, from, to, unchecked: whyUnchecked(database, parent, to, from.length) }];
    });
  });
}

/** The values that refer to something. One with a null in it does not. */
function valuesSql({ child, from }: Reference): string {
  const columns = from.map((name, index) => `c.${quote(name)} AS c${index}`).join(', ');
  const isSet = from.map((name) => `c.${quote(name)} IS NOT NULL`).join(' AND ');
  return `SELECT DISTINCT ${columns} FROM main.${quote(child)} c WHERE ${isSet}`;
}

/** Those that lead nowhere. */
function orphansSql(reference: Reference): string {
  const { parent, from, to } = reference;
  // As SQLite itself does, by the parent's affinity and collation alone, which its index has too.
  const matches = to.map((name, index) => `p.${quote(name)} = +c.${quote(from[index] ?? '')}`).join(' AND ');
  return `${valuesSql(reference)} AND NOT EXISTS (SELECT 1 FROM main.${quote(parent)} p WHERE ${matches})`;
}
