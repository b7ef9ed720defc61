import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceEvents } from 'express-db-backup';
import { describe, expect, it, vi } from 'vitest';
import { restoreBackup } from '../../dist/operations/restore/restore-backup.js';
import { assembled } from '../helpers/assembled.js';
import { flipBit } from '../helpers/damage.js';
import { generations, inspect } from '../helpers/live-database.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

/** Two backups, of which the newest has rotted, and a service that may replace a live file that is gone. */
async function createRotten(backups: number) {
  const { service: first, ...workspace } = createWorkspace();
  for (let made = 0; made < backups; made++) await first.create();
  const [newest, older] = (await first.list()).backups.map(({ filename }) => filename);
  await first.close();
  const { databaseFile, directory } = workspace;
  flipBit(join(directory, newest ?? ''), 9_000, 0);
  const loseLive = (): void => {
    workspace.database.close();
    for (const ending of ['', '-wal', '-shm']) rmSync(databaseFile + ending, { force: true });
  };
  const connection = { close: () => undefined, reopen: () => undefined };
  const { service } = openService({ database: databaseFile, directory, connection });
  const damaged: ServiceEvents['backup.damaged'][] = [];
  service.on('backup.damaged', (outcome) => damaged.push(outcome));
  const told = async (): Promise<string | undefined> => (await service.health()).findings[0]?.command;
  return { ...workspace, service, newest, older, damaged, loseLive, told };
}

describe('a newest backup that has rotted', () => {
  it('is known as such by the restore that finds it, and the next command that is named works', async () => {
    const { service, newest, older, damaged, loseLive, told, databaseFile } = await createRotten(2);
    loseLive();
    expect(await told()).toBe('npx express-db-backup restore latest');
    await expect(service.restore('latest')).rejects.toMatchObject({
      code: 'backup_damaged',
      message: expect.stringMatching(new RegExp(`Run: npx express-db-backup restore ${older}$`)),
      facts: { backup: older, command: `npx express-db-backup restore ${older}`, problems: [expect.any(String)] },
    });
    expect(damaged).toMatchObject([{ filename: newest, ok: false, level: 'full', problems: [expect.any(String)] }]);
    expect((await service.get(newest ?? '')).verification).toMatchObject({ ok: false, level: 'full' });
    expect(await told()).toBe(`npx express-db-backup restore ${older}`);
    await service.restore(older ?? '');
    expect(inspect(databaseFile, generations)).toBe('first:500');
  });

  it('that is the only one leaves no other to name', async () => {
    const { service, loseLive, told } = await createRotten(1);
    loseLive();
    const error: unknown = await service.restore('latest').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'backup_damaged', message: expect.not.stringContaining('Run:') });
    expect(error).not.toHaveProperty('facts.backup');
    expect(await told()).toBe('npx express-db-backup migrate -- <your migration command>');
  });

  it('is told also where its manifest cannot be written, and another one is named', async () => {
    const { service, newest, older, databaseFile, directory } = await createRotten(2);
    await service.close();
    const { parts } = await assembled({ database: databaseFile, directory });
    const readOnly = Object.assign(new Error('read-only file system'), { code: 'EROFS' });
    vi.spyOn(parts.vault, 'update').mockRejectedValue(readOnly);
    const damaged: unknown[] = [];
    parts.events.on('backup.damaged', (outcome) => damaged.push(outcome));
    await expect(restoreBackup(parts, 'latest', {})).rejects.toMatchObject({
      code: 'backup_damaged',
      facts: { backup: older },
    });
    expect(damaged).toMatchObject([
      { filename: newest, ok: false, warnings: ['The verdict could not be written into the manifest.'] },
    ]);
  });
});
