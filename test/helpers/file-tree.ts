import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Every entry below a folder with its permissions, e.g. `0600`. */
export function permissionsBelow(folder: string): Record<string, string> {
  return Object.fromEntries(
    entriesBelow(folder).map((path) => [
      relative(folder, path),
      `0${(lstatSync(path).mode & 0o777).toString(8).padStart(3, '0')}`,
    ]),
  );
}

/** The content of every wanted file below a folder: two that are equal mean that nothing was written, made or removed. */
export function contentBelow(folder: string, isWanted: (path: string) => boolean = () => true): Record<string, string> {
  const wanted = entriesBelow(folder).filter((path) => isWanted(relative(folder, path)));
  return Object.fromEntries(wanted.map((path) => [relative(folder, path), contentOf(path)]));
}

/** What this process has open below a folder; files that were removed meanwhile are still told. */
export function openFilesBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`);
      return target.startsWith(folder) ? [relative(folder, target)] : [];
    } catch {
      return []; // The descriptor with which the directory itself was read.
    }
  });
}

function entriesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function contentOf(path: string): string {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (!stat.isFile()) return 'no file';
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
