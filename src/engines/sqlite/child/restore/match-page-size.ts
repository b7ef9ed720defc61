import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { openLive, openPrivate } from '../database/open-database.js';

export interface PageSizeInput {
  readonly live: string;
  /** A staged file; one of another page size is replaced by a copy that has the right one. */
  readonly source: string;
  readonly waitMs: number;
}

/** A write-ahead log fixes the page size, so the staged copy takes the one of the live database. */
export function matchPageSize({ live, source, waitMs }: PageSizeInput): void {
  const pageSize = readPageSize(live, waitMs);
  // Beside the staged file, where the safety backup has its place later: at no time does that take more room.
  const resized = `${source}.resized`;
  try {
    if (resize(source, resized, pageSize)) renameSync(resized, source);
  } finally {
    rmSync(resized, { force: true });
  }
}

function readPageSize(live: string, waitMs: number): number {
  const database = openLive(live, waitMs);
  try {
    return Number(database.pragma('page_size', { simple: true }));
  } finally {
    database.close();
  }
}

/**
 * A plain `VACUUM` gives rows without an INTEGER PRIMARY KEY new rowids, by which other tables, such as a full-text
 * index, know them; into another file it keeps them.
 */
function resize(source: string, resized: string, pageSize: number): boolean {
  const staged = openPrivate(source, { readonly: true });
  try {
    if (Number(staged.pragma('page_size', { simple: true })) === pageSize) return false;
    staged.pragma(`page_size = ${pageSize}`);
    // SQLite fills an empty file, and asks nobody who may read one that it makes.
    writeFileSync(resized, '', { flag: 'wx', mode: 0o600 });
    staged.prepare('VACUUM INTO ?').run(resized);
    return true;
  } finally {
    staged.close();
  }
}
