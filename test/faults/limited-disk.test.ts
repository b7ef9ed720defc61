import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileLock } from '../../dist/coordination/file-lock.js';
import { canMount, mountPlace, mountTmpfs } from '../helpers/faults/disk.js';
import { runScenario } from '../helpers/faults/run-scenario.js';
import { prepareApp, scenarios, within } from '../helpers/faults/scenarios.js';
import { tally } from '../helpers/faults/tally.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const kibibyte = 1024;
/** The database of the scenarios has 24 KiB. */
const limits = [0, 0.25, 0.5, 1, 4, 8, 16, 20, 24, 28, 40, 64].map((kibibytes) => kibibytes * kibibyte);
const changing = Object.entries(scenarios).filter(([name]) => name !== 'start');
const writers = changing.filter(([name]) => name !== 'cleanup' && name !== 'remove');
const remount = (at: string, mode: 'ro' | 'rw'): unknown => execFileSync('mount', ['-o', `remount,${mode}`, at]);
const canLimit = spawnSync('prlimit', ['--fsize=1048576', 'true']).status === 0;

describe.runIf(canMount('tmpfs'))('a vault on a read-only disk', () => {
  it.each(changing)('refuses a %s with vault_read_only', async (_name, scenario) => {
    const template = await prepareApp(temporaryFolder(), scenario);
    const app = within(join(mountPlace(), 'app'), template);
    mountTmpfs(app.directory, 'size=16m,mode=0700');
    cpSync(template.folder, app.folder, { recursive: true });
    const { code } = await runScenario(scenario, app, 'read-only', {
      onReady: async () => remount(app.directory, 'ro'),
      onEnd: () => remount(app.directory, 'rw'),
    });
    expect(code).toBe('vault_read_only');
    tally('full, small and read-only disks', 1);
  });

  it('gives nobody a lock: a file that is only read cannot be locked', () => {
    const disk = join(mountPlace(), 'disk');
    mountTmpfs(disk, 'size=1m');
    const file = join(disk, 'operation.lock');
    const lock = new FileLock(file);
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
    remount(disk, 'ro');
    expect(() => new FileLock(file).tryAcquire()).toThrow(expect.objectContaining({ code: 'SQLITE_READONLY' }));
  });
});

describe.runIf(canLimit)('a limit on the size of files', () => {
  it.each(writers)(
    'of any size ends a %s as a full disk does, or changes nothing',
    async (_name, scenario) => {
      const template = await prepareApp(temporaryFolder(), scenario);
      const parent = temporaryFolder();
      let refused = 0;
      for (const limit of limits) {
        const app = within(join(parent, 'app'), template);
        cpSync(template.folder, app.folder, { recursive: true });
        const told = `files of at most ${limit} bytes`;
        const { type, code } = await runScenario(scenario, app, told, {
          onReady: async ({ pid }) => execFileSync('prlimit', [`--fsize=${limit}`, '--pid', String(pid)]),
        });
        rmSync(app.folder, { recursive: true });
        if (type === 'done') continue;
        expect(type, told).toBe('failed');
        // Of a write that failed for another cause than ENOSPC SQLite does not tell which.
        expect(['insufficient_storage', 'internal_error'], told).toContain(code);
        refused++;
      }
      expect(refused).toBeGreaterThan(0);
      tally('full, small and read-only disks', limits.length);
    },
    120_000,
  );
});
