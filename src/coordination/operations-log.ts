import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError, systemCode, toProblem } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';
import { mapLimited } from '../system/map-limited.js';
import { type OperationRecord, operationRecordSchema } from './operation.js';

/** Finished operations that stay readable; each is a file of a few kilobytes. */
const mostFinished = 100;
/** So many more may gather before the oldest are forgotten: it takes reading them all. */
const slack = 25;
const parallelReads = 16;
const recordSuffix = '.json';
const cancelSuffix = '.cancel';
/** Of who tells of an operation that nobody runs any more. */
const claimSuffix = '.claim';

export const operationsDirectory = (stateDirectory: string): string => join(stateDirectory, 'operations');

/** The operations of every process that works on this vault, one small file each. */
export interface OperationsLog {
  write(record: OperationRecord, staging: string, options: { sync: boolean }): Promise<void>;
  /** @throws `operation_not_found` */
  read(id: string): Promise<OperationRecord>;
  /** Of every record, without reading it. */
  ids(): Promise<string[]>;
  /** Reads the record of an id that is known to be one; null where the record is gone. */
  find(id: string): Promise<OperationRecord | null>;
  /** One that was running when its process ended is told as failed. */
  list(): Promise<OperationRecord[]>;
  /** Writes down what `list` tells of operations whose process is gone. */
  settle(staging: string): Promise<void>;
  /** Adds facts to the problem of an operation whose process is gone; false when it is known to have ended otherwise. */
  explain(id: string, facts: Readonly<Record<string, unknown>>, staging: string): Promise<boolean>;
  /** Forgets the oldest finished operations when there are too many. */
  prune(): Promise<void>;
  /** Asks the process that runs the operation, whichever it is, to cancel it. */
  requestCancel(id: string, staging: string): Promise<void>;
  isCancelRequested(id: string): boolean;
}

export interface OperationsLogParts {
  readonly stateDirectory: string;
  readonly isAlive: (instance: string) => boolean;
  readonly clock: () => Date;
  /**
   * Is given an operation whose process is gone, before it is written down how that ended; several processes may find it
   * at once, to one of which it is new.
   */
  readonly onInterrupted: (record: OperationRecord, isNew: boolean) => Promise<void>;
}

export function createOperationsLog({
  stateDirectory,
  isAlive,
  clock,
  onInterrupted,
}: OperationsLogParts): OperationsLog {
  const directory = operationsDirectory(stateDirectory);
  const recordFile = (id: string): string => join(directory, id + recordSuffix);
  const cancelFile = (id: string): string => join(directory, id + cancelSuffix);
  const claimFile = (id: string): string => join(directory, id + claimSuffix);
  const told = (record: OperationRecord): OperationRecord =>
    record.state === 'running' && !isAlive(record.instance) ? interrupted(record, clock()) : record;
  const written = async (): Promise<OperationRecord[]> => {
    const records = await mapLimited(await identifiers(directory), parallelReads, (id) => readRecord(recordFile(id)));
    return records.filter((record) => record !== null);
  };
  const list = async (): Promise<OperationRecord[]> => (await written()).map(told);
  const write: OperationsLog['write'] = async (record, staging, { sync }) => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFileDurably(recordFile(record.id), JSON.stringify(record), { staging, overwrite: true, sync });
    if (record.state === 'running') return;
    for (const note of [cancelFile(record.id), claimFile(record.id)]) await rm(note, { force: true });
  };
  const tellInterrupted = async (record: OperationRecord): Promise<void> => {
    const isMine = await createFile(claimFile(record.id));
    // Who had it before has written down its end by now.
    const isNew = isMine && (await readRecord(recordFile(record.id)))?.state === 'running';
    await onInterrupted(record, isNew);
  };
  return {
    write,
    list,
    ids: () => identifiers(directory),
    async find(id) {
      const record = await readRecord(recordFile(id));
      return record && told(record);
    },
    async read(id) {
      const record = operationRecordSchema.shape.id.safeParse(id).success ? await readRecord(recordFile(id)) : null;
      if (record === null) throw new BackupError('operation_not_found', 'There is no operation with this id.');
      return told(record);
    },
    async settle(staging) {
      const running = (await written()).filter(({ state }) => state === 'running');
      for (const record of running.map(told).filter(({ state }) => state !== 'running')) {
        await tellInterrupted(record);
        await write(record, staging, { sync: false });
      }
    },
    async explain(id, facts, staging) {
      const record = await readRecord(recordFile(id));
      if (record === null) return true;
      const { problem, ...ended } = told(record);
      if (problem?.code !== 'operation_interrupted') return false;
      if (record.state === 'running') await tellInterrupted({ problem, ...ended });
      await write({ ...ended, problem: { ...facts, ...problem } }, staging, { sync: true });
      return true;
    },
    async prune() {
      if ((await identifiers(directory)).length <= mostFinished + slack) return;
      const finished = (await list()).filter((record) => record.state !== 'running');
      const oldest = finished.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(mostFinished);
      await Promise.all(oldest.map(({ id }) => rm(recordFile(id), { force: true })));
    },
    requestCancel: (id, staging) => writeFileDurably(cancelFile(id), '', { staging, overwrite: true, sync: false }),
    isCancelRequested: (id) => existsSync(cancelFile(id)),
  };
}

function interrupted(record: OperationRecord, now: Date): OperationRecord {
  const problem = toProblem(
    new BackupError('operation_interrupted', `The process that ran this ${record.type} ended before it was done.`),
  );
  return { ...record, state: 'failed', finishedAt: now.toISOString(), problem };
}

/** False where it is there already. */
async function createFile(path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function identifiers(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  return (await readdir(directory))
    .filter((name) => name.endsWith(recordSuffix))
    .map((name) => name.slice(0, -recordSuffix.length));
}

/** A record that cannot be read tells nothing: it is as if it had been forgotten. */
async function readRecord(path: string): Promise<OperationRecord | null> {
  try {
    const parsed = operationRecordSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
