import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError, systemCode } from '../errors.js';
import { syncDirectory, writeFileDurably } from '../system/durable-write.js';
import { mapLimited } from '../system/map-limited.js';
import type { OpenFile, Storage, StoredFile } from './storage.js';

/** No honest note comes near this; a larger one is not read into memory. */
const mostNoteBytes = 16 * 1024 * 1024;
/** Enough to keep a disk busy, few enough descriptors. */
const parallelStats = 32;
/** A link in the place of a file is not followed, and a pipe there does not hang the open. */
const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A directory on this machine. Its file system must know hard links, which publish without ever overwriting. */
export function localStorage(directory: string): Storage {
  const payload = (name: string): string => join(directory, name);
  const notes = join(directory, 'metadata');
  const note = (name: string): string => join(notes, name);
  const statPayload = (name: string): Promise<StoredFile | null> => statRegular(payload(name), name);
  return {
    async list() {
      const entries = await readdir(directory, { withFileTypes: true });
      const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
      return (await mapLimited(names, parallelStats, statPayload)).filter((file) => file !== null);
    },
    stat: statPayload,
    async publish(stagedFile, name) {
      if (!(await linkUnlessTaken(stagedFile, payload(name)))) return false;
      await syncDirectory(directory);
      await rm(stagedFile, { force: true });
      return true;
    },
    open: (name) => openRegular(payload(name), name),
    remove: (name) => removeDurably(payload(name), directory),
    async listNotes() {
      await mkdir(notes, { recursive: true, mode: 0o700 });
      return readdir(notes);
    },
    readNote: (name) => readSmall(note(name)),
    async writeNote(name, content, options) {
      if (Buffer.byteLength(content) > mostNoteBytes) throw new Error(`${name} would be too large to be read again.`);
      await mkdir(notes, { recursive: true, mode: 0o700 });
      return unlessTaken(() => writeFileDurably(note(name), content, options));
    },
    removeNote: (name) => removeDurably(note(name), notes),
    async freeBytes() {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    localPath: payload,
    localNotePath: note,
  };
}

async function statRegular(path: string, name: string): Promise<StoredFile | null> {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? { name, size: stat.size, modifiedAt: stat.mtime } : null;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
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
  // ELOOP and ENXIO are what O_NOFOLLOW and O_NONBLOCK answer for a link and a socket.
  const handle = await open(path, readOnly).catch((error: unknown) => {
    throw ['ENOENT', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '') ? missing(error) : error;
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

async function readSmall(path: string): Promise<string | null> {
  try {
    const handle = await open(path, readOnly);
    try {
      const stat = await handle.stat();
      return stat.isFile() && stat.size <= mostNoteBytes ? await handle.readFile('utf8') : null;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) return null;
    throw error;
  }
}

async function removeDurably(path: string, directory: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(directory);
}
