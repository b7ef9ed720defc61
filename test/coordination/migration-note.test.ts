import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMigrationNote } from '../../dist/coordination/migration-note.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const migrationOf = (instance: string, minute = 0) => ({
  instance,
  startedAt: `2026-01-08T21:0${minute}:00.000Z`,
  label: `0042 of ${instance}`,
  backup: `app_pre_migration_2026-01-08_21-0${minute}-00.db`,
});

/** Two services of one vault. */
function createNotes() {
  const folder = temporaryFolder();
  const alive = new Set(['one', 'two']);
  const open = () => createMigrationNote(folder, (instance) => alive.has(instance));
  return { folder, alive, one: open(), two: open() };
}

it('a migration is unfinished when its service is gone, and its backup is the way back until it has ended', async () => {
  const { alive, one, two } = createNotes();
  expect([two.unfinished(), two.wayBack()]).toEqual([null, null]);
  const { instance, ...told } = migrationOf('one');
  await one.begin(migrationOf(instance));
  expect([two.unfinished(), two.wayBack()]).toEqual([null, told.backup]);
  alive.delete('one');
  expect(two.unfinished()).toEqual({ ...told, state: 'interrupted' });
  await two.end();
  expect([two.unfinished(), two.wayBack()]).toEqual([null, null]);
});

it.each(['settle', 'fail', 'end'] as const)(
  'one after it that ends by %s leaves it unless it succeeded',
  async (ending) => {
    const { alive, one, two } = createNotes();
    const { instance: _one, ...told } = migrationOf('one');
    await one.begin(migrationOf('one'));
    alive.delete('one');
    await two.begin(migrationOf('two', 1));
    expect([two.unfinished(), two.wayBack()]).toEqual([null, told.backup]);
    await two[ending]();
    const state = { settle: 'interrupted', fail: 'failed', end: null }[ending];
    expect(two.unfinished()).toEqual(state && { ...told, state });
  },
);

it('one that failed is told although that cannot be written, and is not taken for that of another service', async () => {
  const { folder, one, two } = createNotes();
  await one.begin(migrationOf('one'));
  mkdirSync(join(folder, 'migration.tmp'));
  await expect(one.fail()).rejects.toThrow();
  expect([one.unfinished()?.state, two.unfinished()]).toEqual(['failed', null]);
  rmdirSync(join(folder, 'migration.tmp'));
  await two.begin(migrationOf('two'));
  expect(one.unfinished()).toBeNull();
});
