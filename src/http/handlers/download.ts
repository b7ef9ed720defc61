import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import parseRange from 'range-parser';
import { BackupError } from '../../errors.js';
import type { OpenBackup } from '../../operations/backup-service.js';
import type { Backup } from '../../vault/backup.js';
import { filenameOf } from '../filename-of.js';
import type { Handler, Reply } from '../handler.js';

interface Slice {
  readonly start: number;
  readonly end: number;
}

export const download: Handler = async ({ service, takeDownloadSlot }, request) => {
  const filename = filenameOf(request);
  const releaseSlot = await takeDownloadSlot();
  let opened: OpenBackup | undefined;
  try {
    opened = await service.openFile(filename);
    const reply = describe(opened, request.method === 'HEAD' ? {} : request.headers);
    if (request.method === 'HEAD') {
      await opened.file.close();
      releaseSlot();
      return reply.reply;
    }
    await service.audited.handedOut(opened.backup.filename, request.caller);
    return { ...reply.reply, stream: onceClosed(opened.file.read(reply.slice), releaseSlot) };
  } catch (error) {
    await opened?.file.close();
    releaseSlot();
    throw error;
  }
};

const onceClosed = (stream: Readable, release: () => void): Readable => stream.once('close', release);

function describe({ backup, file }: OpenBackup, headers: IncomingHttpHeaders): { reply: Reply; slice?: Slice } {
  const common = {
    'Content-Type': 'application/octet-stream',
    // The name is of our own pattern: it needs no quoting beyond this.
    'Content-Disposition': `attachment; filename="${backup.filename}"`,
    'Accept-Ranges': 'bytes',
    'Last-Modified': file.modifiedAt.toUTCString(),
    ...digestHeaders(backup),
  };
  const slice = requestedSlice(file.size, backup, headers);
  if (slice === undefined)
    return { reply: { status: 200, headers: { ...common, 'Content-Length': String(file.size) } } };
  const { start, end } = slice;
  const partial = { 'Content-Length': String(end - start + 1), 'Content-Range': `bytes ${start}-${end}/${file.size}` };
  return { reply: { status: 206, headers: { ...common, ...partial } }, slice };
}

/** A stray file has no digest that anyone vouched for, and so no strong validator. */
function digestHeaders({ sha256 }: Backup): Record<string, string> {
  if (sha256 === null) return {};
  return { ETag: `"${sha256}"`, 'Repr-Digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:` };
}

/** One range of bytes; several at once, or another unit, are answered with the whole file (RFC 9110, 14.2). */
function requestedSlice(size: number, { sha256 }: Backup, headers: IncomingHttpHeaders): Slice | undefined {
  const { range } = headers;
  const ifRange = headers['if-range'];
  if (range === undefined || (ifRange !== undefined && ifRange !== `"${sha256}"`)) return undefined;
  if (reachesBeyond(size, range)) return { start: 0, end: size - 1 };
  const ranges = parseRange(size, range);
  if (ranges === -1) {
    throw new BackupError('range_not_satisfiable', `The file has ${size} bytes.`, { facts: { size } });
  }
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}

/** RFC 9110, 14.1.2: of a file shorter than the wanted last bytes, all of it; range-parser calls that unsatisfiable. */
function reachesBeyond(size: number, range: string): boolean {
  const [, suffix] = /^bytes=-(\d+)$/.exec(range.trim()) ?? [];
  return suffix !== undefined && size > 0 && Number(suffix) >= size;
}
