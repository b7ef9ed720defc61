import { lstat as lstatCallback, type Stats } from 'node:fs';
import { link, mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BackupError, systemCode } from '../errors.js';
import { syncDirectory, writeFileDurably } from '../system/durable-write.js';
import { markOf } from './mark.js';
import { isNoRegularFile, mostNoteBytes, readOnly, readSmallFile } from './regular-file.js';
import type { Mark, OpenFile, Storage, StoredFile } from './storage.js';

/** An operation makes fewer files than this at a time. */
const fewestInodes = 16;

/**
 * A directory on this machine. Its file system must know hard links, which publish without ever overwriting. A payload
 * that is `liveFile` by another name is not opened: closing it would drop the locks of this process.
 */
export function localStorage(directory: string, liveFile: string | null = null): Storage {
  const payload = (name: string): string => join(directory, name);
  const notes = join(directory, 'metadata');
  const note = (name: string): string => join(notes, name);
  const makeNotes = (): Promise<unknown> => mkdir(notes, { recursive: true, mode: 0o700 });
  const requirePlace = (): Promise<void> => requireDirectories(directory, notes);
  return {
    async mark() {
      await requirePlace();
      const marks = await Promise.all([directory, notes].map(markIfThere));
      return marks.includes(null) ? null : marks.join(' ');
    },
    async list() {
      const entries = await readdir(directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    async stat(name) {
      await requirePlace();
      return statRegular(payload(name), name);
    },
    async publish(stagedFile, name) {
      await requirePlace();
      if (!(await linkUnlessTaken(stagedFile, payload(name)))) return false;
      await syncDirectory(directory);
      // It is published; what cannot be removed from staging now is swept later.
      await rm(stagedFile, { force: true }).catch(() => undefined);
      return true;
    },
    async open(name) {
      await requirePlace();
      if (liveFile !== null && (await isLive(payload(name), liveFile)))
        throw new BackupError('backup_not_found', `${name} is no backup but the live database by another name.`);
      return openRegular(payload(name), name);
    },
    async remove(name) {
      await requirePlace();
      await removeDurably(payload(name), directory);
    },
    async listNotes() {
      await makeNotes();
      return readdir(notes);
    },
    noteMark: (name) => markIfThere(note(name)),
    async readNote(name) {
      const now = Date.now();
      const file = await readSmallFile(note(name));
      return file && { text: file.text, mark: markOf(file.stats, now) };
    },
    async writeNote(name, content, options) {
      if (Buffer.byteLength(content) > mostNoteBytes) throw new Error(`${name} would be too large to be read again.`);
      await requirePlace();
      await makeNotes();
      return unlessTaken(() => writeFileDurably(note(name), content, options));
    },
    async removeNote(name) {
      await requirePlace();
      await removeDurably(note(name), notes);
    },
    async freeBytes() {
      await requirePlace();
      const { bavail, bsize, files, ffree } = await statfs(directory);
      // Where no more files can be made no byte can be used; a file system without such a limit says 0 of 0.
      return files > 0 && ffree < fewestInodes ? 0 : bavail * bsize;
    },
    localPath: payload,
    localNotePath: note,
  };
}

const lstat = promisify(lstatCallback);

async function statIfThere(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/**
 * A link in the place of the vault, put there after the service looked at it, would lead reads and writes elsewhere.
 * @throws BackupError `vault_refused`
 */
async function requireDirectories(...paths: string[]): Promise<void> {
  for (const path of paths) {
    const stats = await statIfThere(path);
    if (stats !== null && !stats.isDirectory())
      throw new BackupError('vault_refused', 'The directory of the backups, or `metadata` in it, is no directory now.');
  }
}

/** The clock is read first: what changes after that must not look settled. */
async function markIfThere(path: string): Promise<Mark> {
  const now = Date.now();
  const stats = await statIfThere(path);
  return stats && markOf(stats, now);
}

/** Of the live file it is what a link leads to that matters. */
async function isLive(path: string, liveFile: string): Promise<boolean> {
  const [found, live] = await Promise.all([statIfThere(path), stat(liveFile).catch(() => null)]);
  return found !== null && live !== null && found.dev === live.dev && found.ino === live.ino;
}

async function statRegular(path: string, name: string): Promise<StoredFile | null> {
  const stats = await statIfThere(path);
  return stats?.isFile() ? { name, size: stats.size, modifiedAt: stats.mtime } : null;
}

const linkUnlessTaken = (from: string, to: string): Promise<boolean> => unlessTaken(() => link(from, to));

async function unlessTaken(create: () => Promise<void>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function openRegular(path: string, name: string): Promise<OpenFile> {
  const missing = (cause?: unknown): BackupError =>
    new BackupError('backup_not_found', `There is no backup named ${name}.`, { cause });
  const handle = await open(path, readOnly).catch((error: unknown) => {
    throw isNoRegularFile(error) ? missing(error) : error;
  });
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw missing();
  }
  return {
    size: stat.size,
    modifiedAt: stat.mtime,
    read: (range) => handle.createReadStream({ ...range, autoClose: true }),
    close: () => handle.close(),
  };
}

async function removeDurably(path: string, directory: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(directory);
}
