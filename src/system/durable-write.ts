import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface DurableWriteOptions {
  /** Where the temporary file is made: on the same file system as the target, and swept after a crash. */
  readonly staging: string;
  /** `true` replaces the target; `false` fails with EEXIST when it is there. */
  readonly overwrite: boolean;
  /** `false` gives up the fsyncs: the file is whole or absent after a crash of the process, not after a power cut. */
  readonly sync?: boolean;
  /** The temporary file's name, where a lock keeps others out: what a crash leaves of it is removed by the next write. */
  readonly temporaryName?: string;
}

/** Makes directory entries durable: without it a renamed file can be gone after a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a small file so that a reader, at any time and after any crash, sees all of it or none of it.
 * @throws the file system's own error; the target is then as it was
 */
export async function writeFileDurably(target: string, content: string, options: DurableWriteOptions): Promise<void> {
  const { temporaryName } = options;
  const temporary = join(options.staging, temporaryName ?? `.tmp-${randomBytes(8).toString('hex')}`);
  const sync = options.sync ?? true;
  try {
    if (temporaryName !== undefined) await rm(temporary, { force: true });
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content, 'utf8');
      if (sync) await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.overwrite) await rename(temporary, target);
    else await link(temporary, target);
    if (sync) await syncDirectory(dirname(target));
  } finally {
    await rm(temporary, { force: true });
  }
}
