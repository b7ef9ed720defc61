/** Releases of older branches into which the fix was taken. */
const mended = ['3.44.6', '3.50.7'];

/**
 * What is known to damage databases in a version of SQLite, or null. Before 3.51.3 a checkpoint could meet a
 * write-ahead log that another connection was just beginning anew, and write old pages over new ones (sqlite.org/wal.html, "the WAL-reset bug").
 */
export function corruptionBug(version: string): string | null {
  if (mended.includes(version) || isAtLeast(version, [3, 51, 3])) return null;
  return `SQLite ${version} can damage a database in WAL mode that several connections use; 3.51.3 and later do not.`;
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const index = wanted.findIndex((part, place) => part !== (parts[place] ?? 0));
  return index === -1 || (parts[index] ?? 0) > (wanted[index] ?? 0);
}
