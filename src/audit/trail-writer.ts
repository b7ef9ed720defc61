import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import type { AuditEntry } from '../options/audit-entry.js';
import { syncDirectory, writeFileDurably } from '../system/durable-write.js';
import { type AuditDraft, formatLine, hashLine, type Link, origin, parseLine, systemDraft } from './audit-line.js';
import { findEnd, type TrailEnd } from './trail-end.js';
import { finishRotation, nextFile, oldAges, oldestToStay, type TrailPlace, trailFileName } from './trail-files.js';
import { readHead, writeHead } from './trail-head.js';
import { linesOf } from './trail-lines.js';

export interface TrailWriterParts extends TrailPlace {
  readonly clock: () => Date;
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export interface Appended {
  readonly entries: readonly AuditEntry[];
  /** Why the head could not be written: the entries are on the disk, and the next append makes up for it. */
  readonly fault?: unknown;
}

/** A link in the place of the file is not followed, and a pipe there does not hang the open. */
const appending =
  constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Writes to the current file. Every call is made under the lock of the trail. */
export class TrailWriter {
  readonly #parts: TrailWriterParts;
  /** The end as this process left it, with the file's identity: another process may have gone on from there. */
  #known: { readonly identity: string; readonly end: TrailEnd } | undefined;

  constructor(parts: TrailWriterParts) {
    this.#parts = parts;
  }

  /**
   * Appends entries, at most one less than `mostAtATime`. When this resolves they survive a power cut.
   * @throws the file system's error; the trail is then as it was
   */
  async append(drafts: readonly AuditDraft[]): Promise<Appended> {
    await finishRotation(this.#parts, this.#mostOld);
    const { end, gap } = await this.#settled();
    const all = gap === null ? drafts : [gap, ...drafts];
    const bytes = chain(all, end.last).reduce((sum, { line }) => sum + line.length + 1, 0);
    if (end.size === 0 || end.size + bytes <= this.#parts.maxBytes) return this.#write(end, all);
    const rotated = await this.#rotate(end);
    const { entries, ...appended } = await this.#write(rotated.end, all);
    return { entries: [rotated.entry, ...entries], ...appended };
  }

  /** Brings the files into the state in which an append leaves them, where a crash has kept one from it. */
  async settle(): Promise<void> {
    await finishRotation(this.#parts, this.#mostOld);
    if (!existsSync(this.#current)) return;
    const { end, gap } = await this.#settled();
    if (gap === null) await this.#withFile((file) => cutTo(file, end.size));
  }

  get #current(): string {
    return join(this.#parts.directory, trailFileName(0));
  }

  get #mostOld(): number {
    return this.#parts.maxFiles - 1;
  }

  /** The end of the trail, with the head brought up to it; and, where lines are missing, what tells of that. */
  async #settled(): Promise<{ end: TrailEnd; gap: AuditDraft | null }> {
    if (this.#known !== undefined && (await identityOf(this.#current)) === this.#known.identity)
      return { end: this.#known.end, gap: null };
    const { stateDirectory, clock } = this.#parts;
    const head = await readHead(stateDirectory);
    return this.#withFile(async (file) => {
      const end = await findEnd(file, (await file.stat()).size, head);
      if (!end.sound) return { end, gap: { ...systemDraft('gap', clock()), outcome: 'failed', expected: head } };
      if (end.last.number !== (head?.number ?? origin.number)) {
        // The head vouches for lines that survive a power cut.
        await file.sync();
        await writeHead(stateDirectory, end.last);
      }
      return { end, gap: null };
    });
  }

  async #write(end: TrailEnd, drafts: readonly AuditDraft[]): Promise<Appended> {
    const chained = chain(drafts, end.last);
    const entries = chained.map(({ entry }) => entry);
    const last = chained.at(-1)?.link ?? end.last;
    const lines = chained.flatMap(({ line }) => [line, lineFeed]);
    this.#known = undefined;
    return this.#withFile(async (file) => {
      await cutTo(file, end.size);
      try {
        await file.appendFile(Buffer.concat(end.ended ? lines : [lineFeed, ...lines]));
        await file.sync();
        if (end.size === 0) await syncDirectory(this.#parts.directory);
      } catch (error) {
        // Nobody is told of them, so they must not be there when they are written again.
        await file.truncate(end.size).catch(() => undefined);
        throw error;
      }
      try {
        await writeHead(this.#parts.stateDirectory, last);
      } catch (fault) {
        return { entries, fault };
      }
      const { dev, ino, size } = await file.stat({ bigint: true });
      this.#known = { identity: `${dev}:${ino}:${size}`, end: { last, size: Number(size), ended: true, sound: true } };
      return { entries };
    });
  }

  async #rotate(end: TrailEnd): Promise<{ end: TrailEnd; entry: AuditEntry }> {
    const { stateDirectory, clock } = this.#parts;
    this.#known = undefined;
    await this.#withFile((file) => cutTo(file, end.size));
    const draft = { ...systemDraft('rotate', clock()), begins: await this.#beginsThen() };
    const { entry, line } = formatLine(draft, end.last);
    const content = `${line.toString('utf8')}\n`;
    const options = { staging: stateDirectory, overwrite: true, temporaryName: 'audit-next.tmp' };
    await writeFileDurably(nextFile(this.#parts), content, options);
    await finishRotation(this.#parts, this.#mostOld);
    const last: Link = { number: entry.number, sha256: hashLine(line) };
    await writeHead(stateDirectory, last);
    return { end: { last, size: Buffer.byteLength(content), ended: true, sound: true }, entry };
  }

  /** With which line the trail begins when the next rotation has been made. */
  async #beginsThen(): Promise<{ number: number; previous: string }> {
    const { directory } = this.#parts;
    const age = oldestToStay(await oldAges(directory), this.#mostOld);
    const file = await open(join(directory, trailFileName(age)), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      for await (const { bytes } of linesOf(file, (await file.stat()).size)) {
        const { number = 0, previous = origin.sha256 } = parseLine(bytes) ?? {};
        return { number, previous };
      }
      return { number: 0, previous: origin.sha256 };
    } finally {
      await file.close();
    }
  }

  async #withFile<Result>(work: (file: FileHandle) => Promise<Result>): Promise<Result> {
    const file = await open(this.#current, appending, 0o600);
    try {
      if (!(await file.stat()).isFile()) throw new Error('The audit trail is no regular file.');
      return await work(file);
    } finally {
      await file.close();
    }
  }
}

const lineFeed = Buffer.from('\n');

interface Chained {
  readonly entry: AuditEntry;
  readonly line: Buffer;
  readonly link: Link;
}

function chain(drafts: readonly AuditDraft[], last: Link): Chained[] {
  let before = last;
  return drafts.map((draft) => {
    const { entry, line } = formatLine(draft, before);
    before = { number: entry.number, sha256: hashLine(line) };
    return { entry, line, link: before };
  });
}

async function cutTo(file: FileHandle, size: number): Promise<void> {
  if ((await file.stat()).size > size) await file.truncate(size);
}

async function identityOf(path: string): Promise<string | null> {
  try {
    const { dev, ino, size } = await lstat(path, { bigint: true });
    return `${dev}:${ino}:${size}`;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
