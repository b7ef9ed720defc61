import { foldCase } from '../system/fold-case.js';
import type { DatabaseState } from './assess-database.js';

/** Of a backup, what tells which rows there were. */
export interface CountedBackup {
  readonly filename: string;
  /** Null for a stray file. */
  readonly kind: string | null;
  readonly createdAt: string;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  readonly verification: { readonly ok: boolean | null } | null;
}

/** A table that has no rows now, or is gone, and had rows before. */
export interface Loss {
  readonly table: string;
  /** How many there were in that backup. */
  readonly rows: number;
  /** The newest one that has rows of it. */
  readonly backup: string;
  /** That one and those before it that show that the table is not empty now and then. */
  readonly witnesses: readonly string[];
}

export interface LossCircumstances {
  /** What the live database holds; null, or one that could not be read, leaves the newest backup to tell. */
  readonly live: Pick<DatabaseState, 'state' | 'tables' | 'rows'> | null;
  /** Tables of which it is no loss. */
  readonly mayEmpty: readonly string[];
  readonly now: Date;
}

/** Counted from the loss. Whoever has not missed the rows by then does not; without an end retention would keep a backup for each table that was ever dropped. */
export const longestLossMs = 30 * 86_400_000;
/** A table that had rows in so many backups in a row is not one that is empty now and then, such as a queue. */
const witnessCount = 3;

/**
 * Walks back from now to the newest backup with rows, for each table that has none: a loss, if the table had rows in that
 * backup and in the ones before it, as far back as it had any.
 * @param backups newest first
 */
export function findLosses(
  backups: readonly CountedBackup[],
  { live, mayEmpty, now }: LossCircumstances,
): readonly Loss[] {
  const known = inTime(backups.filter(isOfThisDatabase), now);
  const rowsNow = countNow(known[0], live);
  const settled = new Set(mayEmpty.map(foldCase));
  const losses: Loss[] = [];
  for (const [index, { filename, tables }] of known.entries()) {
    // What is found from here on had no rows in the backup after this one.
    const lostAt = Date.parse(known[index - 1]?.createdAt ?? now.toISOString());
    if (now.getTime() - lostAt > longestLossMs) break;
    for (const [table, rows] of Object.entries(tables)) {
      if (rows === 0 || settled.has(table)) continue;
      const key = foldCase(table);
      const isFirst = !settled.has(key);
      // As it is spelled too: ten thousand backups are walked through without folding a name again.
      settled.add(key).add(table);
      if (!isFirst || rowsNow(key) !== 0) continue;
      const witnesses = witnessesOf(known.slice(index), key);
      if (witnesses !== null) losses.push({ table, rows, backup: filename, witnesses });
    }
  }
  return losses;
}

/**
 * Null for a table that is empty now and then; one that was empty before it had its first rows is not one of these. Nor is
 * one that a restore found empty: nobody wanted it so, and what was lost once may be lost again.
 */
function witnessesOf(known: readonly CountedBackup[], key: string): string[] | null {
  const witnesses: string[] = [];
  let [told, hasGap, isReplaced] = [0, false, false];
  for (const { filename, kind, tables } of known) {
    if (told === witnessCount && !hasGap) break;
    const hasRows = (foldNames(tables).get(key) ?? 0) > 0;
    if (hasGap && hasRows) return null;
    isReplaced = !hasRows && (isReplaced || kind === 'safety');
    // Without the safety backup what it replaced would be a gap.
    if (told < witnessCount && (!isReplaced || kind === 'safety')) witnesses.push(filename);
    if (told === witnessCount || isReplaced) continue;
    told++;
    hasGap ||= !hasRows;
  }
  return witnesses;
}

/** An upload is of another database, and nothing can be brought back from one that is damaged. */
const isOfThisDatabase = ({ kind, verification }: CountedBackup): boolean =>
  kind !== null && kind !== 'uploaded' && verification?.ok !== false;

/** Those of a clock that was ahead come last: they look newer than what was made since. */
function inTime(backups: readonly CountedBackup[], now: Date): CountedBackup[] {
  const isAhead = ({ createdAt }: CountedBackup): boolean => Date.parse(createdAt) > now.getTime();
  return [...backups.filter((backup) => !isAhead(backup)), ...backups.filter(isAhead)];
}

/** How many rows a table has, none where it is gone; null where nobody can tell. */
function countNow(
  newest: CountedBackup | undefined,
  live: LossCircumstances['live'],
): (foldedName: string) => number | null {
  const inNewest = foldNames(newest?.tables ?? {});
  if (live?.state !== 'readable') return (name) => inNewest.get(name) ?? 0;
  const names = new Set(live.tables.map(foldCase));
  const counted = foldNames(live.rows);
  // A safety backup is of what was replaced, not of what came in its place.
  const supposed: ReadonlyMap<string, number> = newest?.kind === 'safety' ? new Map() : inNewest;
  return (name) => (names.has(name) ? (counted.get(name) ?? supposed.get(name) ?? null) : 0);
}

const foldNames = (rows: Readonly<Record<string, number>>): Map<string, number> =>
  new Map(Object.entries(rows).map(([name, count]) => [foldCase(name), count]));
