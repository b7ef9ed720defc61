import { close, constants, fstat, open, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { systemCode } from '../errors.js';

/** A link in the place of a file is not followed, and a pipe there does not hang the open. */
export const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What an open answers for a name that is gone, a link (O_NOFOLLOW), and a socket. */
export const isNoRegularFile = (error: unknown): boolean =>
  ['ENOENT', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '');

/** No honest note comes near this; a larger one is not read into memory. */
export const mostNoteBytes = 16 * 1024 * 1024;

/** Bare descriptors: ten thousand objects of `fs.promises` cost more than the reads themselves. */
const [openFile, stat, readBytes, closeFile] = [promisify(open), promisify(fstat), promisify(read), promisify(close)];

export interface SmallFile {
  readonly text: string;
  /** As it was before the text was read. */
  readonly stats: Stats;
}

/** @returns null for anything but a regular file of at most `mostNoteBytes` */
export async function readSmallFile(path: string): Promise<SmallFile | null> {
  try {
    const descriptor = await openFile(path, readOnly);
    try {
      const stats = await stat(descriptor);
      if (!stats.isFile() || stats.size > mostNoteBytes) return null;
      return { text: await readText(descriptor, stats.size), stats };
    } finally {
      await closeFile(descriptor);
    }
  } catch (error) {
    if (isNoRegularFile(error)) return null;
    throw error;
  }
}

async function readText(descriptor: number, size: number): Promise<string> {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await readBytes(descriptor, bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.toString('utf8', 0, length);
}
