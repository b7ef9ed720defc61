import { existsSync } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError } from '../errors.js';
import { syncDirectory } from '../system/durable-write.js';

export interface TrailPlace {
  /** Where the files lie. */
  readonly directory: string;
  /** Where what belongs to their upkeep lies, on the same file system. */
  readonly stateDirectory: string;
}

/** Age 0 is the file that is written to, 1 the newest old one. */
export const trailFileName = (age: number): string => (age === 0 ? 'audit.jsonl' : `audit.${age}.jsonl`);

/**
 * A link in the place of the vault, put there after the service looked at it, would lead the audit elsewhere.
 * @throws BackupError `vault_refused`
 */
export async function requirePlace({ directory }: TrailPlace): Promise<void> {
  if ((await lstat(directory)).isDirectory()) return;
  throw new BackupError('vault_refused', 'The directory of the backups is no directory now.');
}

const oldFile = /^audit\.([1-9]\d{0,3})\.jsonl$/;

/** Ages of the old files that are there, the oldest first. */
export async function oldAges(directory: string): Promise<number[]> {
  const ages = (await readdir(directory)).flatMap((name) => oldFile.exec(name)?.[1] ?? []);
  return ages.map(Number).sort((a, b) => b - a);
}

/** The file that is going to be the current one: while it is here, a rotation has begun and not ended. */
export const nextFile = ({ stateDirectory }: TrailPlace): string => join(stateDirectory, 'audit-next.jsonl');

/** The age up to which a rotation moves files along: where there is room, or where the oldest goes. */
function lastToMove(ages: readonly number[], mostOld: number): number {
  const taken = new Set(ages);
  let age = 1;
  while (age < mostOld && taken.has(age)) age++;
  return age;
}

/** Age of the file that is the oldest one after the next rotation. */
export function oldestToStay(ages: readonly number[], mostOld: number): number {
  const moved = lastToMove(ages, mostOld);
  const apart = ages.find((age) => age > moved && age <= mostOld);
  return apart ?? moved - 1;
}

/**
 * Does what is left to do of a rotation; nothing where none has begun. Each step is durable before the next, and which
 * is the next one shows in the files that are there, so a crash anywhere in it is made good by the next call.
 */
export async function finishRotation(place: TrailPlace, mostOld: number): Promise<void> {
  if (!existsSync(nextFile(place))) return;
  const { directory } = place;
  const path = (age: number): string => join(directory, trailFileName(age));
  if (existsSync(path(0))) {
    const ages = await oldAges(directory);
    for (const age of ages.filter((old) => old > mostOld)) await rm(path(age), { force: true });
    for (let age = lastToMove(ages, mostOld); age > 0; age--) {
      await rename(path(age - 1), path(age));
      await syncDirectory(directory);
    }
  }
  await rename(nextFile(place), path(0));
  await syncDirectory(directory);
}
