import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { createBackupService } from 'express-db-backup';
import { expect, it, onTestFinished } from 'vitest';
import { createDatabase, generations, inspect, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const imageMiB = 400;
const mebibyte = 1024 * 1024;

/** A new file system in a file, mounted until the test ends; null where this machine cannot do that. */
function mountImage(make: readonly [string, ...string[]]): string | null {
  const folder = temporaryFolder();
  const [image, place] = [join(folder, 'image'), join(folder, 'mounted')];
  mkdirSync(place);
  const [command, ...parameters] = make;
  try {
    execFileSync('truncate', ['-s', `${imageMiB}M`, image], { stdio: 'ignore' });
    execFileSync(command, [...parameters, image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, place], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', [place]));
  return place;
}

const freeMiB = (place: string): number => {
  execFileSync('sync', ['-f', place]);
  const { bavail, bsize } = statfsSync(place);
  return (bavail * bsize) / mebibyte;
};

it.each([
  ['XFS', ['mkfs.xfs', '-q']],
  ['Btrfs', ['mkfs.btrfs', '-q']],
] as const)(
  'on %s a backup shares the blocks of the live file, until the live file changes',
  async (_name, make) => {
    const place = mountImage(make);
    if (place === null) return expect.unreachable('no loop device can be mounted here: 1 case left out');
    const live = createDatabase(join(place, 'app.db'), { rows: 300_000 });
    onTestFinished(() => void live.close());
    live.pragma('wal_checkpoint(TRUNCATE)');
    const liveMiB = (Number(live.pragma('page_count', { simple: true })) * 4096) / mebibyte;
    expect(liveMiB).toBeGreaterThan(60);
    const service = createBackupService({ database: live.name, directory: join(place, 'backups') });
    onTestFinished(() => service.close());
    const before = freeMiB(place);
    const backups = [await service.create(), await service.create(), await service.create()];
    expect(before - freeMiB(place)).toBeLessThan(liveMiB / 4);
    live.exec("UPDATE items SET generation = 'changed' WHERE id <= 1000");
    setGeneration(live, 'second');
    for (const { filename } of backups)
      expect(inspect(join(place, 'backups', filename), generations)).toBe('first:300000');
  },
  120_000,
);
