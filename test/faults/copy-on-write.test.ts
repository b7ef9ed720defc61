import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { createBackupService } from 'express-db-backup';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canMount, mountImage, mountPlace } from '../helpers/faults/disk.js';
import { createDatabase, generations, inspect, setGeneration } from '../helpers/live-database.js';

const imageMiB = 400;
const mebibyte = 1024 * 1024;
const fileSystems = [
  ['XFS', 'mkfs.xfs'],
  ['Btrfs', 'mkfs.btrfs'],
] as const;

function mountNew(make: string): string {
  const folder = mountPlace();
  const [image, place] = [join(folder, 'image'), join(folder, 'mounted')];
  execFileSync('truncate', ['-s', `${imageMiB}M`, image]);
  execFileSync(make, ['-q', image], { stdio: 'ignore' });
  mountImage(image, place);
  return place;
}

const freeMiB = (place: string): number => {
  execFileSync('sync', ['-f', place]);
  const { bavail, bsize } = statfsSync(place);
  return (bavail * bsize) / mebibyte;
};

describe.runIf(canMount('loop'))('a file system with copy-on-write', () => {
  it.each(fileSystems)(
    '(%s) has a backup share the blocks of the live file, until the live file changes',
    async (_name, make) => {
      const place = mountNew(make);
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
});
