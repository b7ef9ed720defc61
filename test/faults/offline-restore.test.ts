import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService, type StartReport } from 'express-db-backup';
import { expect, it } from 'vitest';
import { destroyHeader } from '../helpers/damage.js';
import { startFixture } from '../helpers/fixture-process.js';
import { createDatabase, generations, inspect, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService } from '../helpers/workspace.js';

const kills = 24;
const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A vault with a backup of `first`, and aside a live file and a log that are beyond SQLite. */
async function prepare() {
  const folder = temporaryFolder();
  const file = join(folder, 'app.db');
  const aside = join(folder, 'aside.db');
  const database = createDatabase(file, { rows: 2_000 });
  const { service } = openService({ database: file, directory: join(folder, 'backups') });
  const { filename } = await service.create();
  setGeneration(database, 'second');
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, aside + suffix);
  database.close();
  destroyHeader(aside);
  destroyHeader(`${aside}-wal`);
  const damaged = [digest(aside), digest(`${aside}-wal`)];
  const damage = () => {
    for (const suffix of ['', '-wal']) copyFileSync(aside + suffix, file + suffix);
  };
  return { folder, file, filename, damage, damaged, directory: join(folder, 'backups') };
}

it(`a SIGKILL in a restore of a file that cannot be opened, ${kills} times, leaves the damaged file or the new one, and loses neither`, async () => {
  const { folder, file, filename, damage, damaged, directory } = await prepare();
  const live: Record<string, number> = {};
  for (let kill = 0; kill < kills; kill++) {
    damage();
    const app = await startFixture('app-offline', folder);
    app.send({ type: 'call', parameters: [filename] });
    for (let phase: unknown; phase !== 'closing connections'; ) ({ phase } = await app.next('operation'));
    await delay((kill * 400) / kills);
    await app.kill();
    const service = createBackupService({ database: file, directory });
    const { interruptedRestore }: StartReport = await service.start();
    const safety = (await service.list({ kind: 'safety', limit: 1 })).backups[0]?.filename;
    await service.close();
    const kept =
      safety === undefined ? [] : [digest(join(directory, safety)), digest(join(directory, `${safety}-wal`))];
    const isNew = digest(file) !== damaged[0];
    if (isNew) {
      expect(inspect(file, generations)).toBe('first:2000');
      // Whoever has looked at it since may have made a log of its own.
      if (existsSync(`${file}-wal`)) expect(digest(`${file}-wal`)).not.toBe(damaged[1]);
      expect(kept).toEqual(damaged);
    } else if (!existsSync(`${file}-wal`)) expect(kept).toEqual(damaged);
    else expect(digest(`${file}-wal`)).toBe(damaged[1]);
    if (interruptedRestore !== null) expect(interruptedRestore.live).toBe(isNew ? 'new' : 'old');
    const told = interruptedRestore === null ? 'done' : interruptedRestore.live;
    live[told] = (live[told] ?? 0) + 1;
    expect(readdirSync(folder).filter((name) => name.includes('incoming'))).toEqual([]);
  }
  expect(live.old).toBeGreaterThan(0);
}, 120_000);
