import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { systemCode } from '../../../../errors.js';
import type { CopyReply, CopyRequest } from './copy-request.js';
import { isLogHeader, logFrameBytes, logHeaderBytes, validBytes } from './log-format.js';

/**
 * Entry of a process that copies files and does nothing else. It holds no lock on them, so it cannot drop one by
 * closing them; the process that works with SQLite would. It ends with the process that started it.
 */
process.umask(0o077);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
if (!process.connected) process.kill(process.pid, 'SIGKILL');

/** Fits into a core's own cache: measured faster than copy_file_range and than any larger buffer. */
const buffer = Buffer.allocUnsafe(256 * 1024);
/** After so many buffers the event loop turns, so that a vanished parent is noticed. */
const buffersPerTurn = 128;
/** Under a pinned reader a log starts anew once at most, unless it is empty again and again. */
const mostAttempts = 3;

process.on('message', (request: CopyRequest) => {
  void copy(request).then(
    () => reply({ ok: true }),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      reply({ ok: false, message, code: systemCode(error) });
    },
  );
});

function reply(message: CopyReply): void {
  process.send?.(message);
}

async function copy({ from, to, log }: CopyRequest): Promise<void> {
  if (!log) return cloneOrCopy(from, to);
  for (let attempt = 1; !(await withFiles(from, to, copyLog)); attempt++) {
    rmSync(to);
    if (attempt === mostAttempts) throw new Error('The write-ahead log kept starting anew while it was copied.');
  }
}

/** Shares the blocks where the file system can (copy-on-write), else copies the bytes. */
async function cloneOrCopy(from: string, to: string): Promise<void> {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    chmodSync(to, 0o600);
  } catch (error) {
    if (['EEXIST', 'ENOENT', 'EACCES'].includes(systemCode(error) ?? '')) throw error;
    rmSync(to, { force: true });
    await withFiles(from, to, copyBytes);
  }
}

async function withFiles<Result>(
  from: string,
  to: string,
  work: (input: number, output: number) => Promise<Result>,
): Promise<Result> {
  const input = openSync(from, 'r');
  try {
    const output = openSync(to, 'wx', 0o600);
    try {
      return await work(input, output);
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

/** Up to the size it has now; a file that is written to meanwhile does not make this endless. */
async function copyBytes(input: number, output: number): Promise<void> {
  const { size } = fstatSync(input);
  for (let position = 0, turns = 1; position < size; turns++) {
    const length = readSync(input, buffer, 0, Math.min(buffer.length, size - position), position);
    if (length === 0) return;
    writeFully(output, buffer.subarray(0, length));
    position += length;
    if (turns % buffersPerTurn === 0) await turn();
  }
}

/**
 * Copies the frames that belong to the log; what lies behind them is left over from an earlier, longer one. The log goes
 * no further than it does now: all that the pinned reader sees is there, and a fast writer does not make this endless.
 * @returns false when the log started anew meanwhile: the start of the old one before frames of the new one would be
 * replayed over pages that have moved on since
 */
async function copyLog(input: number, output: number): Promise<boolean> {
  const { size } = fstatSync(input);
  const header = headerOf(input);
  if (!isLogHeader(header)) return header.equals(headerOf(input));
  writeFully(output, header);
  const frameBytes = logFrameBytes(header);
  const wholeFrames = buffer.length - (buffer.length % frameBytes);
  for (let position = header.length, turns = 1; position < size; turns++) {
    const length = readSync(input, buffer, 0, Math.min(wholeFrames, size - position), position);
    const valid = validBytes(buffer.subarray(0, length), header);
    writeFully(output, buffer.subarray(0, valid));
    position += valid;
    if (valid < wholeFrames) break;
    if (turns % buffersPerTurn === 0) await turn();
  }
  return header.equals(headerOf(input));
}

function headerOf(descriptor: number): Buffer {
  const header = Buffer.alloc(logHeaderBytes);
  readSync(descriptor, header, 0, header.length, 0);
  return header;
}

function writeFully(descriptor: number, chunk: Buffer): void {
  for (let offset = 0; offset < chunk.length; ) offset += writeSync(descriptor, chunk, offset);
}
