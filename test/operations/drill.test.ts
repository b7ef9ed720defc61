import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { corruptMiddlePage } from '../helpers/damage.js';
import { generations, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles } from '../helpers/workspace.js';

describe('a drill', () => {
  it('restores the backup into a database of its own, which the application looks at, and leaves nothing', async () => {
    const seen: string[] = [];
    const check = (file: string): void => {
      const restored = new Database(file);
      seen.push(generations(restored), String(restored.pragma('journal_mode', { simple: true })));
      restored.exec('DELETE FROM items');
      restored.close();
    };
    const { service, database, directory } = createWorkspace({ service: { check } });
    const { filename } = await service.create();
    setGeneration(database, 'second');
    const outcome = await service.verify(filename, { level: 'drill' });
    expect(outcome).toMatchObject({ ok: true, level: 'drill', problems: [], restoreMs: expect.any(Number) });
    expect(outcome.checks).toMatchObject({
      sha256: 'passed',
      integrity_check: 'passed',
      rows: 'passed',
      host: 'passed',
    });
    expect(seen).toEqual(['first:500', 'wal']);
    expect(generations(database)).toBe('second:500');
    expect((await service.get(filename)).verification).toMatchObject({
      level: 'drill',
      ok: true,
      restoreMs: outcome.restoreMs,
    });
    expect(stagedFiles(directory)).toEqual([]);
    expect(readdirSync(directory).filter((name) => name.endsWith('.db'))).toEqual([filename]);
  });

  it.each([1_024, 8_192])(
    'has pages of %i bytes where the backup has, and needs no function of the application',
    async (pageSize) => {
      const sizes: unknown[] = [];
      const check = (file: string): void => {
        const restored = new Database(file, { readonly: true });
        sizes.push(restored.pragma('page_size', { simple: true }));
        restored.close();
      };
      const { service, database } = createWorkspace({ live: { pageSize }, service: { check } });
      database.function('own', { deterministic: true }, (value) => value);
      database.exec('CREATE INDEX items_by_own ON items (own(generation))');
      const { filename } = await service.create();
      expect(await service.verify(filename, { level: 'drill' })).toMatchObject({ ok: true });
      expect(sizes).toEqual([pageSize]);
    },
  );

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
      'check() of the application failed.',
    ],
    ['says no', async () => false, 'check() of the application said no.'],
  ])('fails when the application %s', async (_what, check, problem) => {
    const { service, internalErrors } = createWorkspace({ service: { check } });
    const { filename } = await service.create();
    expect(await service.verify(filename, { level: 'drill' })).toMatchObject({
      ok: false,
      problems: [problem],
      checks: { host: 'failed', rows: 'passed' },
    });
    expect((await service.get(filename)).verification?.ok).toBe(false);
    internalErrors.splice(0);
  });

  it('of a damaged backup says so and restores nothing', async () => {
    const check = vi.fn();
    const { service, directory } = createWorkspace({ service: { check } });
    const { filename } = await service.create();
    corruptMiddlePage(join(directory, filename));
    const outcome = await service.verify(filename, { level: 'drill' });
    expect(outcome).toMatchObject({ ok: false, checks: { sha256: 'failed' } });
    expect(outcome).not.toHaveProperty('restoreMs');
    expect(check).not.toHaveBeenCalled();
  });

  it('can be cancelled while the application looks', async () => {
    const { service, directory } = createWorkspace({ service: { check: () => new Promise(() => undefined) } });
    const { filename } = await service.create();
    const drill = service.verify(filename, { level: 'drill' });
    const { id } = await drill.started;
    service.on('operation', ({ phase }) => {
      if (phase === 'asking the application') void service.cancel(id);
    });
    await expect(drill).rejects.toMatchObject({ code: 'operation_cancelled' });
    expect(stagedFiles(directory)).toEqual([]);
  });
});
