import { stat } from 'node:fs/promises';
import { systemCode } from '../errors.js';
import { mapLimited } from '../system/map-limited.js';
import type { OperationRecord } from './operation.js';
import { type OperationsLog, operationsDirectory } from './operations-log.js';

/**
 * How old the directory's last change must be before its time stands for its content: two changes within one tick of
 * the file system's clock, 2 s at its coarsest, leave the same time.
 */
const coarsestTickMs = 2_000;
const parallelReads = 16;
/** Own operations that are remembered: more than can lie in the log, which forgets the oldest. */
const mostOwn = 1_000;

interface OperationsSeen {
  /** As they are now; the first look tells of those that run. */
  readonly changed: readonly OperationRecord[];
  /** Ids of some that ran, and of which nothing is known any more. */
  readonly gone: readonly string[];
}

/** How the operations of other services go, as far as they write it down. One look is one `stat` while nothing changes. */
export interface OperationsWatch {
  look(): Promise<OperationsSeen>;
  /** Leaves out an operation whose news come by a shorter way. */
  leaveOut(id: string): void;
}

const nothing: OperationsSeen = { changed: [], gone: [] };

export function createOperationsWatch(stateDirectory: string, log: OperationsLog): OperationsWatch {
  const directory = operationsDirectory(stateDirectory);
  const own = new Set<string>();
  const running = new Map<string, string>();
  let ended: ReadonlySet<string> | undefined;
  let knownAt: bigint | null = null;

  async function first(): Promise<OperationsSeen> {
    const records = (await log.list()).filter(({ id }) => !own.has(id));
    const going = records.filter(({ state }) => state === 'running');
    ended = new Set(records.filter(({ state }) => state !== 'running').map(({ id }) => id));
    for (const record of going) running.set(record.id, JSON.stringify(record));
    return { changed: going, gone: [] };
  }

  async function next(before: ReadonlySet<string>): Promise<OperationsSeen> {
    const ids = await log.ids();
    const told = ids.filter((id) => before.has(id));
    const asked = ids.filter((id) => !before.has(id) && !own.has(id));
    const read = await mapLimited(asked, parallelReads, (id) => log.find(id));
    const records = read.filter((record) => record !== null);
    const gone = [...running.keys()].filter((id) => !records.some((record) => record.id === id));
    const changed = records.filter((record) => running.get(record.id) !== JSON.stringify(record));
    running.clear();
    for (const record of records) if (record.state === 'running') running.set(record.id, JSON.stringify(record));
    ended = new Set([...told, ...records.filter(({ state }) => state !== 'running').map(({ id }) => id)]);
    return { changed, gone };
  }

  async function none(): Promise<OperationsSeen> {
    const gone = [...running.keys()];
    running.clear();
    return { changed: [], gone };
  }

  return {
    async look() {
      const changedAt = await changeOf(directory);
      // Of a process that died nothing changes on the disk, so one that runs is looked at each time.
      if (changedAt === knownAt && changedAt !== null && running.size === 0) return nothing;
      const settled = isSettled(changedAt);
      const seen = await (ended === undefined ? first() : changedAt === null ? none() : next(ended));
      knownAt = settled ? changedAt : null;
      return seen;
    },
    leaveOut(id) {
      own.delete(id);
      own.add(id);
      const [oldest] = own;
      if (own.size > mostOwn && oldest !== undefined) own.delete(oldest);
    },
  };
}

/** When something was last written there, in nanoseconds, or null where there is nothing. */
async function changeOf(directory: string): Promise<bigint | null> {
  try {
    return (await stat(directory, { bigint: true })).mtimeNs;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

const isSettled = (changedAt: bigint | null): boolean =>
  changedAt !== null && Date.now() - Number(changedAt / 1_000_000n) > coarsestTickMs;
