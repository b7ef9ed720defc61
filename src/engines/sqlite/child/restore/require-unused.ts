import { existsSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { BackupError } from '../../../../errors.js';

/**
 * Refuses when another process has the database open, as far as the system tells (Linux): what this user may see of
 * open files, and the locks of every user. A file that is replaced under a connection takes its writes with it.
 * @throws BackupError `database_busy`
 */
export function requireUnused(live: string, sidecars: readonly string[]): void {
  if (!existsSync('/proc/self/fd')) return;
  const files = [live, ...sidecars.map((suffix) => live + suffix)]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .filter((stat) => stat !== undefined);
  refuseDeleted(live);
  const wanted = new Set(files.map(identity));
  const users = new Set([
    ...descriptors((path) => wanted.has(identityOf(path))).map(({ pid }) => pid),
    ...holdersOfLocks(files),
  ]);
  users.delete(process.pid);
  if (users.size === 0) return;
  throw new BackupError(
    'database_busy',
    `The live file is open in other processes (${[...users].slice(0, 10).join(', ')}); nothing was replaced.`,
  );
}

/** The process that has a deleted file open commits into it, and is the last that has what is in it. */
function refuseDeleted(live: string): void {
  const [holder] = descriptors((path) => readlinkSync(path) === `${live} (deleted)`);
  if (holder === undefined) return;
  const { pid, path } = holder;
  throw new BackupError(
    'database_busy',
    `Process ${pid} still works with the live file, which was deleted; nothing was replaced. Before you stop it, copy ${path} and the log beside it.`,
  );
}

const identity = ({ dev, ino }: Stats): string => `${dev}:${ino}`;
const identityOf = (path: string): string => identity(statSync(path));

interface Descriptor {
  readonly pid: number;
  readonly path: string;
}

/** Of the files that processes have open, those of which it is true. Processes end, and those of others are not shown. */
function descriptors(isWanted: (path: string) => boolean): Descriptor[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.flatMap((pid) => {
    const directory = join('/proc', pid, 'fd');
    const paths = orElse([], () => readdirSync(directory)).map((name) => join(directory, name));
    return paths.filter((path) => orElse(false, () => isWanted(path))).map((path) => ({ pid: Number(pid), path }));
  });
}

function orElse<Result>(otherwise: Result, look: () => Result): Result {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

/** Lines such as `1: POSIX  ADVISORY  READ 4711 08:01:1234 1073741826 1073742335` (proc(5)). */
function holdersOfLocks(files: readonly Stats[]): number[] {
  if (!existsSync('/proc/locks')) return [];
  const wanted = new Set(files.map(({ dev, ino }) => `${major(dev)}:${minor(dev)}:${ino}`));
  const locks = readFileSync('/proc/locks', 'utf8').matchAll(/ (\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /g);
  return [...locks].flatMap(([, pid, high, low, ino]) =>
    wanted.has(`${Number.parseInt(String(high), 16)}:${Number.parseInt(String(low), 16)}:${ino}`) ? [Number(pid)] : [],
  );
}

/** makedev(3), for the numbers below 2^32 that Linux gives out. */
const major = (dev: number): number => (dev >>> 8) & 0xfff;
const minor = (dev: number): number => (dev & 0xff) | ((dev >>> 12) & 0xfff00);
