import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileLock } from './file-lock.js';

const suffix = '.lock';

export interface Instance {
  readonly id: string;
  /** Only this service writes here; it is swept when the service is gone. */
  readonly staging: string;
  /** Whether its operations are written down where the others read them. */
  readonly recorded: boolean;
  /** Held for as long as the service lives. */
  readonly lockFile: string;
  /** False when its files were deleted: then nobody knows of it any more, and it has nowhere to work. */
  isThere(): boolean;
  leave(): Promise<void>;
}

/** Every service that works on a vault, in whatever process, with a lock that tells whether it still lives. */
export interface Instances {
  join(): Promise<Instance>;
  isAlive(id: string): boolean;
  /** Removes the staging of services that are gone; nobody else's. Call it under the vault's lock. */
  sweep(): Promise<void>;
}

export function createInstances(stateDirectory: string): Instances {
  const locks = join(stateDirectory, 'instances');
  const staging = join(stateDirectory, 'staging');
  const lockFile = (id: string): string => join(locks, id + suffix);
  const isAlive = (id: string): boolean => existsSync(lockFile(id)) && !isFree(lockFile(id));
  return {
    async join() {
      const id = `${process.pid}-${randomBytes(6).toString('hex')}`;
      const lock = new FileLock(lockFile(id));
      await mkdir(locks, { recursive: true, mode: 0o700 });
      // Another service may be asking at this moment whether this one lives; that passes.
      if (!(await lock.acquire(1_000))) throw new Error('The lock of this service could not be taken.');
      const own = join(staging, id);
      await mkdir(staging, { recursive: true, mode: 0o700 });
      // Not recursive: that tells a full disk as ENOENT.
      await mkdir(own, { mode: 0o700 });
      const isThere = (): boolean => existsSync(lockFile(id)) && existsSync(own);
      return {
        id,
        staging: own,
        recorded: true,
        lockFile: lockFile(id),
        isThere,
        leave: () => leave(lock, lockFile(id), own),
      };
    },
    isAlive,
    async sweep() {
      const known = new Set([
        ...(await entries(staging)),
        ...(await entries(locks)).map((name) => name.replace(/\.lock(-journal)?$/, '')),
      ]);
      for (const id of known) {
        if (isAlive(id)) continue;
        await rm(join(staging, id), { recursive: true, force: true });
        await rm(lockFile(id), { force: true });
      }
    },
  };
}

/** Takes part in a vault that it can only read: it works in the system's temporary folder, and nobody knows of it. */
export async function joinAsVisitor(): Promise<Instance> {
  const staging = await mkdtemp(join(tmpdir(), 'express-db-backup-'));
  const leaveNothing = (): Promise<void> => rm(staging, { recursive: true, force: true });
  return { id: 'visitor', staging, recorded: false, lockFile: '', isThere: () => true, leave: leaveNothing };
}

function isFree(file: string): boolean {
  const lock = new FileLock(file);
  const free = lock.tryAcquire({ create: false });
  lock.release();
  return free;
}

async function leave(lock: FileLock, file: string, staging: string): Promise<void> {
  await rm(staging, { recursive: true, force: true });
  await rm(file, { force: true });
  lock.release();
}

async function entries(directory: string): Promise<string[]> {
  return existsSync(directory) ? readdir(directory) : [];
}
