import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** File systems in memory: what reaches an image there is what reached the disk. */
const memory = '/dev/shm';

/** Whether this process may mount: it takes root, and in a container a permission of its own. */
export function canMount(kind: 'tmpfs' | 'loop'): boolean {
  if (process.getuid?.() !== 0 || !existsSync(memory)) return false;
  const place = mkdtempSync(join(memory, 'express-db-backup-'));
  const image = join(place, 'image');
  try {
    if (kind === 'loop') makeExt4(image, 8);
    const parameters = kind === 'loop' ? ['-o', 'loop', image] : ['-t', 'tmpfs', 'none'];
    const mounted = spawnSync('mount', [...parameters, place]).status === 0;
    if (mounted) execFileSync('umount', [place]);
    return mounted;
  } catch {
    return false; // No mkfs, no mount.
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

export function makeExt4(image: string, mebibytes: number): void {
  execFileSync('truncate', ['-s', `${mebibytes}M`, image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
}

/** A folder in memory for images and mount points, unmounted and gone when the test ends, however it ends. */
export function mountPlace(): string {
  const place = mkdtempSync(join(memory, 'express-db-backup-'));
  onTestFinished(() => {
    for (const mounted of mountsBelow(place)) unmount(mounted);
    rmSync(place, { recursive: true, force: true });
  });
  return place;
}

function mountsBelow(place: string): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${place}/`));
}

/** Mounts an image; with `loop`, its device is freed when it is unmounted. */
export function mountImage(image: string, at: string): void {
  mkdirSync(at, { recursive: true });
  execFileSync('mount', ['-o', 'loop', image, at]);
}

export function mountTmpfs(at: string, options: string): void {
  mkdirSync(at, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', at]);
}

/** A file that is still open keeps a file system busy; `-l` lets go of it when that is closed. */
export function unmount(at: string): void {
  if (spawnSync('umount', [at]).status !== 0) execFileSync('umount', ['-l', at]);
}

/** Copies what has reached an image at one moment: two copies are equal only if nothing was written between them. */
export function copyAtOneMoment(image: string, to: string): void {
  copyFileSync(image, to);
  for (let copies = 1; copies < mostCopies; copies++) {
    if (readFileSync(to).equals(readFileSync(image))) return;
    copyFileSync(image, to);
  }
  throw new Error('The image does not come to rest.');
}

/** The processes are stopped; what the kernel still writes for them ends within a few. */
const mostCopies = 50;
