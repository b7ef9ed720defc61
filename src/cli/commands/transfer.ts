import { open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BackupError, systemCode } from '../../errors.js';
import type { Command } from '../command.js';
import { spellBytes } from '../terminal.js';

/** Copies a backup's bytes to a file that is not there yet; when it answers, they are on the disk. */
export function exportBackup(name: string, to: string | undefined): Command {
  return async ({ service, terminal, caller, signal }) => {
    const { filename, size, sha256 } = await service.get(name);
    const target = resolve(to ?? filename);
    const file = await open(target, 'wx', 0o600).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
      throw new BackupError('invalid_request', `There is a file ${to ?? filename} already.`);
    });
    try {
      // The stream closes the file when it is on the disk.
      await pipeline(await service.open(filename, caller), file.createWriteStream({ flush: true }), { signal });
    } catch (error) {
      await rm(target, { force: true });
      throw error;
    }
    terminal.tell({ filename, file: target, size, sha256 }, [
      `Exported ${filename} to ${target} (${spellBytes(size)})`,
    ]);
  };
}

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
