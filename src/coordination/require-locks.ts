import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BackupError, systemCode } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';

const probe = fileURLToPath(new URL('./probe-lock.js', import.meta.url));
/** A process that takes longer to start than this has other troubles; it is then tried again by the next start. */
const longestProbeMs = 20_000;

/**
 * Makes sure, once for each machine and file system, that a lock held here keeps another process out: on a network
 * share without locks two processes would change one vault at a time.
 * @throws BackupError `vault_refused`
 */
export async function requireLocks(stateDirectory: string, heldLock: string, staging: string): Promise<void> {
  const { dev } = await stat(stateDirectory);
  const place = JSON.stringify({ version: 1, machine: hostname(), device: dev });
  const noted = join(stateDirectory, 'locks.json');
  if ((await readNoted(noted)) === place) return;
  if (!(await keepsOut(heldLock)))
    throw new BackupError(
      'vault_refused',
      'Locks do not work on the file system of `directory`: another process could take one that is held here.',
    );
  await writeFileDurably(noted, place, { staging, overwrite: true, sync: false });
}

async function readNoted(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** In an environment of its own: what a loader or a tracer of the host adds to processes is not what is asked about. */
async function keepsOut(heldLock: string): Promise<boolean> {
  if (!existsSync(probe))
    throw new BackupError(
      'tool_missing',
      'A file of express-db-backup is missing: mark it as external to the bundler.',
    );
  const { PATH, LD_LIBRARY_PATH } = process.env;
  const env = { ...(PATH !== undefined && { PATH }), ...(LD_LIBRARY_PATH !== undefined && { LD_LIBRARY_PATH }) };
  const { stdout } = await promisify(execFile)(process.execPath, [probe, heldLock], { env, timeout: longestProbeMs });
  return stdout === 'kept out';
}
