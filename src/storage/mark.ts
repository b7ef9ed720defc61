import type { Stats } from 'node:fs';

/**
 * Coarser than the clock of any file system in use (FAT counts in 2 s). Within it a change can leave the very times
 * that were seen before, so what was changed that recently has no mark.
 */
const settledMs = 2_500;

/**
 * A word that differs after any change of a file's content, or of a directory's entries. The change time is in it:
 * unlike the modification time no program can set it. Null while a change could still hide behind the same times, also
 * when they lie in the future of a clock that was set back.
 */
export function markOf(stats: Stats, now: number): string | null {
  if (now - Math.max(stats.mtimeMs, stats.ctimeMs) < settledMs) return null;
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}
