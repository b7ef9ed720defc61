import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Engine, sqlite } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { corruptMiddlePage, destroyHeader } from '../helpers/damage.js';
import { createDatabase, generations, inspect, integrity, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService, stagedFiles } from '../helpers/workspace.js';

/** A backup of the generation `first`, and a live database that nobody has open, with `second` and then damaged. */
async function damageLive(damage: (file: string) => void) {
  const folder = temporaryFolder();
  const databaseFile = join(folder, 'app.db');
  const directory = join(folder, 'backups');
  const database = createDatabase(databaseFile, { rows: 2_000 });
  const { service } = openService({ database: databaseFile, directory });
  const { filename } = await service.create();
  setGeneration(database, 'second');
  database.close();
  damage(databaseFile);
  return { folder, databaseFile, directory, service, filename };
}

describe('a live database that is damaged', () => {
  it('in its middle is restored; the safety backup is its copy as it was and says that it is not sound', async () => {
    const { databaseFile, directory, service, filename } = await damageLive(corruptMiddlePage);
    const { safetyBackup } = await service.restore(filename);
    expect(inspect(databaseFile, generations)).toBe('first:2000');
    expect(inspect(databaseFile, integrity)).toBe('ok');
    const safety = await service.get(safetyBackup);
    expect(safety.verification?.ok).toBe(false);
    expect(safety.verification?.problems).not.toEqual([]);
    expect(safety.warnings).toEqual([expect.stringContaining('damaged')]);
    expect(readFileSync(join(directory, safetyBackup)).includes(Buffer.alloc(4000, 0x5a))).toBe(true);
  });

  it.each<[string, (file: string) => void]>([
    ['whose header is destroyed', destroyHeader],
    ['of 0 bytes', (file) => execFileSync('truncate', ['-s', '0', file])],
  ])('%s is offline_restore_required, and nothing is touched', async (_name, damage) => {
    const { folder, databaseFile, directory, service, filename } = await damageLive(damage);
    const [bytes, files] = [readFileSync(databaseFile), readdirSync(folder)];
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'offline_restore_required' });
    expect(readFileSync(databaseFile).equals(bytes)).toBe(true);
    expect(readdirSync(folder)).toEqual(files);
    expect((await service.list({ kind: 'safety' })).total).toBe(0);
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('that is missing is database_missing, and is not created', async () => {
    const { folder, service, filename } = await damageLive((file) => execFileSync('rm', [file]));
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'database_missing' });
    expect(readdirSync(folder)).not.toContain('app.db');
  });
});

/** The real engine, whose check after a restore finds a fault that its disk does not have. */
function sqliteThatFindsFaults(path: string, faults: number, onFound: () => void): Engine {
  const engine = sqlite({ path });
  let found = 0;
  return {
    ...engine,
    async restore(...input) {
      const report = await engine.restore(...input);
      onFound();
      return found++ < faults ? { ...report, problems: ['A page is broken.'] } : report;
    },
  };
}

describe('a restore whose result does not pass its check', () => {
  async function restoreWith(faults: number, onFound: () => void = () => undefined, signal?: AbortSignal) {
    const workspace = createWorkspace();
    const { filename } = await workspace.service.create();
    setGeneration(workspace.database, 'second');
    workspace.database.exec("INSERT INTO commits VALUES ('acknowledged')");
    const engine = sqliteThatFindsFaults(workspace.databaseFile, faults, onFound);
    const { service } = openService({ database: engine, directory: workspace.directory });
    const error = await service.restore(filename, { signal }).catch((caught: unknown) => caught);
    const safety = (await service.list({ kind: 'safety', order: 'asc' })).backups;
    return { ...workspace, filename, error, safety };
  }

  it('is undone: restore_rolled_back names both files, and live has the rows it had', async () => {
    const { database, directory, filename, error, safety } = await restoreWith(1);
    expect(error).toMatchObject({
      code: 'restore_rolled_back',
      facts: { restored: filename, safetyBackup: safety[0]?.filename, problems: ['A page is broken.'] },
    });
    expect(generations(database)).toBe('second:500');
    expect(database.prepare('SELECT key FROM commits').pluck().all()).toEqual(['acknowledged']);
    expect(integrity(database)).toBe('ok');
    expect(safety).toHaveLength(2);
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('is no restore that could be undone: what the one before it replaced is', async () => {
    const { service, databaseFile, database, directory } = createWorkspace();
    const { filename } = await service.create();
    setGeneration(database, 'second');
    const { safetyBackup } = await service.restore(filename);
    const engine = sqliteThatFindsFaults(databaseFile, 1, () => undefined);
    const { service: later } = openService({ database: engine, directory });
    await expect(later.restore(filename)).rejects.toMatchObject({ code: 'restore_rolled_back' });
    await expect(later.lastReplaced()).resolves.toMatchObject({ filename: safetyBackup });
  });

  it('is undone also when it is cancelled then', async () => {
    const cancel = new AbortController();
    const { database, error } = await restoreWith(1, () => cancel.abort(), cancel.signal);
    expect(error).toMatchObject({ code: 'restore_rolled_back' });
    expect(generations(database)).toBe('second:500');
  });

  it('is roll_back_failed when what was put back does not pass either, and names the safety backup that has the rows', async () => {
    const { directory, filename, error, safety } = await restoreWith(2);
    expect(error).toMatchObject({
      code: 'roll_back_failed',
      facts: { restored: filename, safetyBackup: safety[0]?.filename },
    });
    expect(inspect(join(directory, String(safety[0]?.filename)), generations)).toBe('second:500');
  });
});
