import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import type { Link } from './audit-line.js';
import { oldAges, type TrailPlace, trailFileName } from './trail-files.js';
import { readHead } from './trail-head.js';
import { linesBackwards } from './trail-lines.js';

interface TrailFile {
  readonly name: string;
  readonly file: FileHandle;
  /** Bytes that were there when it was opened; what came later is not read. */
  readonly size: number;
}

/** The trail as it was at one moment: what is appended, moved or removed later does not change it. */
export interface OpenTrail {
  /** The oldest first. */
  readonly files: readonly TrailFile[];
  readonly head: Link | null;
  close(): Promise<void>;
}

const reading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens every file there is. Call it under the lock of the trail, so that none is moved meanwhile. */
export async function openTrail({ directory, stateDirectory }: TrailPlace): Promise<OpenTrail> {
  const files: TrailFile[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(files.map(({ file }) => file.close()));
  };
  try {
    for (const age of [...(await oldAges(directory)), 0]) {
      const opened = await openFile(directory, trailFileName(age));
      if (opened !== null) files.push(opened);
    }
    return { files, head: await readHead(stateDirectory), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @returns null for a name that is not there */
async function openFile(directory: string, name: string): Promise<TrailFile | null> {
  try {
    const file = await open(join(directory, name), reading);
    const stats = await file.stat();
    if (stats.isFile()) return { name, file, size: stats.size };
    await file.close();
    throw new Error(`${name} is no regular file.`);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Every whole line, from the newest to the oldest. */
export async function* newestFirst({ files }: OpenTrail): AsyncGenerator<Buffer> {
  for (const { file, size } of files.toReversed()) yield* linesBackwards(file, size);
}
