import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { link, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hashFile } from '../../engines/hash-file.js';
import { BackupError, systemCode } from '../../errors.js';
import { syncDirectory } from '../../system/durable-write.js';
import { realPath } from '../../system/real-path.js';
import { manifestName } from '../../vault/backup-name.js';
import { parseManifest } from '../../vault/manifest.js';
import { isInside } from '../../vault/vault-directory.js';
import type { Command } from '../command.js';
import { spellBytes } from '../terminal.js';

/** Copies a backup to a file that is not there yet; when it answers, the right bytes are on the disk. */
export function exportBackup(name: string, to: string | undefined): Command {
  return async (context) => {
    const { service, settings, terminal, caller, signal } = context;
    const { filename, size, sha256 } = await service.get(name);
    const target = resolve(to ?? filename);
    const { directory } = settings.options;
    requireFree(target, directory);
    const endings = await logsOf(directory, filename);
    await toFolder(target, async () => {
      // A database that lies there without its log would be taken for all that there is.
      for (const ending of endings) {
        const log = createReadStream(join(directory, filename + ending));
        await copyTo(target + ending, log, null, signal);
      }
      await copyTo(target, await service.open(filename, caller), sha256, signal);
    });
    const logs = endings.map((ending) => target + ending);
    terminal.tell({ filename, file: target, size, sha256, logs }, [
      `Exported ${filename} to ${target} (${spellBytes(size)})`,
      ...logs.map((log) => `Its last commits are in ${log}: keep the two together.`),
    ]);
  };
}

/** The database, its logs: what lay beside it would be taken for its own. */
function requireFree(target: string, directory: string): void {
  if (isInside(realPath(directory), realPath(target)))
    throw new BackupError(
      'invalid_request',
      `${target} is among the backups, where it would be a stray file: export it elsewhere.`,
    );
  for (const ending of ['', '-wal', '-journal']) if (existsSync(target + ending)) throw taken(target + ending);
  if (statSync(dirname(target), { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new BackupError('invalid_request', `There is no folder ${dirname(target)} to export to.`);
}

/** A damaged database is kept as it was found, with its log. */
async function logsOf(directory: string, filename: string): Promise<readonly string[]> {
  const note = await readFile(join(directory, 'metadata', manifestName(filename)), 'utf8').catch(() => '');
  return parseManifest(note, filename)?.source.logs ?? [];
}

/** What goes wrong in the folder of the export is no fault of the vault. */
async function toFolder(target: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const code = systemCode(error) ?? '';
    const folder = dirname(target);
    if (/^(EACCES|EPERM|EROFS)$/.test(code))
      throw new BackupError('forbidden', `This user may not write into ${folder}.`, { cause: error });
    if (/^(ENOSPC|EDQUOT|EFBIG)$/.test(code))
      throw new BackupError('insufficient_storage', `There is no room for it in ${folder}.`, { cause: error });
    throw error;
  }
}

async function copyTo(target: string, bytes: Readable, sha256: string | null, signal: AbortSignal): Promise<void> {
  const temporary = `${target}.${randomBytes(4).toString('hex')}.part`;
  try {
    await writeWhole(temporary, bytes, signal);
    if (sha256 !== null && (await hashFile(temporary)) !== sha256)
      throw new BackupError('backup_damaged', 'The bytes of the backup are not those that were stored.');
    await putInPlace(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
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
