import type { FileHandle } from 'node:fs/promises';
import { mostLineBytes } from './audit-line.js';

const chunkBytes = 64 * 1024;
const lineFeed = 10;

export interface TrailLine {
  /** Without its line feed; of one that is too long to be an entry, a part that is too long as well. */
  readonly bytes: Buffer;
  /** False for what stands after the last line feed. */
  readonly ended: boolean;
}

/** Bytes `start` up to `start + length`, or up to the end of the file if that comes first. */
export async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** A line of more than this is no entry; no more of it is kept in memory. */
const keptBytes = mostLineBytes + 1;

/** The first `size` bytes of a file, line by line. */
export async function* linesOf(file: FileHandle, size: number): AsyncGenerator<TrailLine> {
  let rest = Buffer.alloc(0);
  for (let start = 0; start < size; start += chunkBytes) {
    const chunk = Buffer.concat([rest, await readAt(file, start, Math.min(chunkBytes, size - start))]);
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      yield { bytes: chunk.subarray(from, end), ended: true };
      from = end + 1;
    }
    rest = chunk.subarray(from, from + keptBytes);
  }
  if (rest.length > 0) yield { bytes: rest, ended: false };
}

/** The same from the last line to the first; what stands after the last line feed is left out. */
export async function* linesBackwards(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  let inLine = false;
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = Buffer.concat([await readAt(file, start, end - start), rest]);
    let to = chunk.length;
    for (let feed = chunk.lastIndexOf(lineFeed); feed >= 0; feed = feedBefore(chunk, to)) {
      if (inLine) yield chunk.subarray(feed + 1, to);
      inLine = true;
      to = feed;
    }
    rest = chunk.subarray(Math.max(0, to - keptBytes), to);
  }
  if (inLine) yield rest;
}

/** A negative position would be counted from the end. */
const feedBefore = (chunk: Buffer, position: number): number =>
  position === 0 ? -1 : chunk.lastIndexOf(lineFeed, position - 1);
