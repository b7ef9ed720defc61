import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { mapLimited } from '../system/map-limited.js';

export interface ProcessEntry {
  readonly id: number;
  readonly parent: number;
  /** Tells it from a later process of the same number; in whatever form the system has it. */
  readonly startedAt: string;
}

/** Reads of /proc cost next to nothing; this many keep descriptors few. */
export const parallelReads = 16;

/** The processes that /proc names, or null where there is none. */
export async function processIds(): Promise<number[] | null> {
  const names = await readdir('/proc').catch(() => []);
  const ids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  return ids.length === 0 ? null : ids;
}

/** Every process that still runs, as far as this user may see; null where the system does not tell. */
export async function listProcesses(): Promise<ProcessEntry[] | null> {
  const ids = await processIds();
  if (ids === null) return listByPs();
  const found = await mapLimited(ids, parallelReads, async (id) => {
    const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '');
    // The name may have spaces and brackets in it: what counts comes after the last one (proc(5)).
    const [state = '', parent = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return isGone(state) ? [] : [{ id, parent: Number(parent), startedAt: rest[17] ?? '' }];
  });
  return found.flat();
}

/** One that has ended and that nobody has asked about does nothing any more. */
const isGone = (state: string): boolean => state === '' || /^[ZX]/.test(state);

async function listByPs(): Promise<ProcessEntry[] | null> {
  const columns = ['pid', 'ppid', 'state', 'lstart'].flatMap((name) => ['-o', `${name}=`]);
  const told = await promisify(execFile)('ps', ['-A', ...columns]).catch(() => null);
  if (told === null) return null;
  return told.stdout.split('\n').flatMap((line) => {
    const [id, parent, state = '', ...startedAt] = line.trim().split(/\s+/);
    return isGone(state) ? [] : [{ id: Number(id), parent: Number(parent), startedAt: startedAt.join(' ') }];
  });
}

/** Whether it was started with this line in its environment; false where that cannot be seen. */
export async function hasInEnvironment(id: number, line: string): Promise<boolean> {
  const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
  return environment.split('\0').includes(line);
}
