import { randomBytes } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { link, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hashFile } from '../../engines/hash-file.js';
import { BackupError, systemCode } from '../../errors.js';
import { syncDirectory } from '../../system/durable-write.js';
import type { Command } from '../command.js';
import { spellBytes } from '../terminal.js';

/** Copies a backup to a file that is not there yet; when it answers, the right bytes are on the disk. */
export function exportBackup(name: string, to: string | undefined): Command {
  return async ({ service, terminal, caller, signal }) => {
    const { filename, size, sha256 } = await service.get(name);
    const target = resolve(to ?? filename);
    if (existsSync(target)) throw taken(target);
    const temporary = `${target}.${randomBytes(4).toString('hex')}.part`;
    try {
      await writeWhole(temporary, await service.open(filename, caller), signal);
      if (sha256 !== null && (await hashFile(temporary)) !== sha256)
        throw new BackupError('backup_damaged', `The bytes of ${filename} are not those that were stored.`);
      await putInPlace(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    terminal.tell({ filename, file: target, size, sha256 }, [
      `Exported ${filename} to ${target} (${spellBytes(size)})`,
    ]);
  };
}

/** The stream closes the file when it is on the disk. */
const writeWhole = (file: string, bytes: Readable, signal: AbortSignal): Promise<void> =>
  pipeline(bytes, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }), { signal });

/** A memory stick has no links; there, whoever makes the same file at this very moment is not seen. */
async function putInPlace(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw taken(target);
    if (!/^(EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS)$/.test(systemCode(error) ?? '')) throw error;
    await rename(temporary, target);
  }
  await syncDirectory(dirname(target));
}

const taken = (target: string): BackupError => new BackupError('invalid_request', `There is a file ${target} already.`);

export interface ImportFlags {
  readonly notes?: string;
  readonly sha256?: string;
}

export function importBackup(file: string, { notes, sha256 }: ImportFlags): Command {
  return async ({ service, terminal, caller }) => {
    const backup = await service.importFile(resolve(file), { ...caller, notes, sha256 });
    terminal.tell({ backup }, [`Imported ${backup.filename} (${spellBytes(backup.size)})`]);
  };
}
