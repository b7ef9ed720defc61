import type { AuditEntry } from '../options/audit-entry.js';
import { parseLine } from './audit-line.js';
import { newestFirst, type OpenTrail } from './open-trail.js';
import { linesOf } from './trail-lines.js';

export interface AuditPage {
  /** Newest first. A line that is no entry is left out; the check names it. */
  readonly entries: readonly AuditEntry[];
  /** How many there are without `limit` and `offset`. */
  readonly total: number;
}

/** Reads from the end, and no further than it must. */
export async function readEntries(
  trail: OpenTrail,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<AuditPage> {
  const entries: AuditEntry[] = [];
  let position = 0;
  for await (const line of newestFirst(trail)) {
    if (position >= offset + limit) break;
    const entry = position++ < offset ? null : parseLine(line);
    if (entry !== null) entries.push(entry);
  }
  return { entries, total: await countEntries(trail) };
}

/** Entries are numbered, so the first and the last tell how many there are. */
async function countEntries(trail: OpenTrail): Promise<number> {
  const [first, last] = [await firstNumber(trail), await lastNumber(trail)];
  return first === null || last === null ? 0 : Math.max(0, last - first + 1);
}

async function firstNumber({ files }: OpenTrail): Promise<number | null> {
  for (const { file, size } of files) {
    for await (const { bytes } of linesOf(file, size)) {
      const entry = parseLine(bytes);
      if (entry !== null) return entry.number;
    }
  }
  return null;
}

async function lastNumber(trail: OpenTrail): Promise<number | null> {
  for await (const line of newestFirst(trail)) {
    const entry = parseLine(line);
    if (entry !== null) return entry.number;
  }
  return null;
}

/** Whether an entry of this operation is there. */
export async function mentions(trail: OpenTrail, operation: string): Promise<boolean> {
  const sought = JSON.stringify({ operation }).slice(1, -1);
  for await (const line of newestFirst(trail)) if (line.includes(sought)) return true;
  return false;
}
