import type { FileHandle } from 'node:fs/promises';
import { hashLine, type Link, mostLineBytes, origin, parseLine } from './audit-line.js';
import { readAt } from './trail-lines.js';

/** Lines that one append writes at most: so many a crash can leave behind the head. */
export const mostAtATime = 16;

/** The lines of one append, the line that the head names, and a torn one. */
const windowBytes = (mostAtATime + 2) * mostLineBytes;

export interface TrailEnd {
  /** The last whole line. */
  readonly last: Link;
  /** Where the next line begins, in bytes; what stands behind it was never acknowledged. */
  readonly size: number;
  /** False where what stands before that is no whole line, and is too long to be one. */
  readonly ended: boolean;
  /** Whether the file ends as an append, finished or torn by a crash, leaves it; else lines were altered or cut off. */
  readonly sound: boolean;
}

interface Line extends Link {
  readonly previous: string | null;
  readonly end: number;
}

/**
 * Finds the end of the current file. An append writes its lines, syncs them, and then names the last one in the head, so
 * a crash leaves the line that the head names, and behind it at most `mostAtATime` whole lines that continue the chain
 * and a torn one. Of those the whole ones stay: they tell the truth, though nobody was told of it.
 */
export async function findEnd(file: FileHandle, size: number, head: Link | null): Promise<TrailEnd> {
  const start = Math.max(0, size - windowBytes);
  const lines = wholeLines(await readAt(file, start, size - start), start);
  const known = head ?? origin;
  // What the first line of the file continues is not in it.
  const places = start === 0 ? [beginning(lines[0]), ...lines] : lines;
  const named = places.findLastIndex(({ number, sha256 }) => number === known.number && sha256 === known.sha256);
  const [place, ...behind] = named < 0 ? [] : places.slice(named);
  if (place === undefined || behind.length > mostAtATime) return unsound(lines, head, size);
  const last = followed(place, behind);
  // A crash leaves no entry that does not fit, unless garbage stands before it.
  if ((lines.find(({ end }) => end > last.end)?.number ?? 0) > 0) return unsound(lines, head, size);
  return { last, size: last.end, ended: true, sound: true };
}

/** What the first line continues: the end of the file before this one, or the origin. */
const beginning = (first: Line | undefined): Line => ({
  ...(first?.previous == null ? origin : { number: first.number - 1, sha256: first.previous }),
  previous: null,
  end: 0,
});

function wholeLines(bytes: Buffer, start: number): Line[] {
  const lines: Line[] = [];
  // What stands before the first line feed of a window may be half a line.
  let from = start === 0 ? 0 : bytes.indexOf('\n') + 1;
  for (let end = bytes.indexOf('\n', from); end >= 0; end = bytes.indexOf('\n', from)) {
    const line = bytes.subarray(from, end);
    const entry = parseLine(line);
    const { number = 0, previous = null } = entry ?? {};
    lines.push({ number, sha256: hashLine(line), previous, end: start + end + 1 });
    from = end + 1;
  }
  return lines;
}

/** A power cut can leave anything in the place of lines that were never acknowledged: the first that does not fit, goes. */
function followed(place: Line, behind: readonly Line[]): Line {
  let last = place;
  for (const line of behind) {
    if (line.previous !== last.sha256 || line.number !== last.number + 1) break;
    last = line;
  }
  return last;
}

/** The chain goes on from whatever is there, and a line of its own says that something is wrong before it. */
function unsound(lines: readonly Line[], head: Link | null, size: number): TrailEnd {
  const last = lines.at(-1);
  const number = lines.findLast((line) => line.number > 0)?.number ?? head?.number ?? 0;
  const sha256 = last?.sha256 ?? origin.sha256;
  return { last: { number, sha256 }, size: last?.end ?? size, ended: last !== undefined || size === 0, sound: false };
}
