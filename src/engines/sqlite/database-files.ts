import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { BackupError, systemCode } from '../../errors.js';

/** @throws BackupError `database_missing` */
export async function liveBytes(live: string): Promise<number> {
  try {
    const found = await stat(live);
    if (!found.isFile()) throw new BackupError('database_missing', 'The live database is not a file.');
    return found.size + (await sizeOrZero(`${live}-wal`));
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new BackupError('database_missing', 'The live database file does not exist.', { cause: error });
    throw error;
  }
}

/** Size and time of the file and of its log: `stat` takes no lock and drops none. */
export async function stampOf(live: string): Promise<string | null> {
  const [file, log] = await Promise.all([live, `${live}-wal`].map(markOf));
  return file === null ? null : `${file} ${log}`;
}

async function markOf(path: string): Promise<string | null> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function sizeOrZero(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

/**
 * A file whose content is all of a database. Opening the live one would, when it is closed, drop the locks of this
 * process; of one that is in use the newest commits are elsewhere.
 * @throws BackupError `invalid_request`
 */
export async function requireStandAlone(path: string, live: string): Promise<void> {
  const [found, own] = await Promise.all([path, live].map(identityOf));
  if (found !== null && found === own)
    throw new BackupError('invalid_request', 'This is the live database: make a backup of it instead.');
  const name = basename(path);
  const inUse = 'Close what uses it first, or import a copy that `VACUUM INTO` has made.';
  if ((await sizeOrZero(`${path}-wal`)) > 0)
    throw new BackupError('invalid_request', `${name} has a write-ahead log beside it, with newer rows. ${inUse}`);
  if (await isHot(`${path}-journal`))
    throw new BackupError('invalid_request', `${name} has a rollback journal beside it: it is half-written. ${inUse}`);
}

async function identityOf(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found && `${found.dev}:${found.ino}`;
}

/** Its header is erased when the transaction is over, where the file stays. */
async function isHot(journal: string): Promise<boolean> {
  if ((await sizeOrZero(journal)) === 0) return false;
  const handle = await open(journal);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead > 0 && buffer[0] !== 0;
  } finally {
    await handle.close();
  }
}
