/**
 * How the copy of the live database is made.
 *
 * - `auto`: a clone where the database has a write-ahead log and the clone passes its check, else a copy.
 * - `clone`: the raw bytes of the file and its log, while a reader is pinned; the fastest, and on a file system with
 *   copy-on-write it takes no time and shares its blocks with the live file. It has the unused pages of the live file,
 *   deleted data among them. Without a write-ahead log it is refused.
 * - `copy`: every page through SQLite's backup API; slower, in any journal mode. It has the unused pages too.
 * - `compact`: `VACUUM INTO`, the slowest; the smallest file, without unused pages. Rows of tables without an
 *   `INTEGER PRIMARY KEY` may get other rowids, and an index that calls a function of the application makes it fail.
 */
export const snapshotMethods = ['auto', 'clone', 'copy', 'compact'] as const;
export type SnapshotMethod = (typeof snapshotMethods)[number];
