import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeSafetySnapshot } from '../../../../dist/engines/sqlite/child/take-safety-snapshot.js';
import { damagePages } from '../../../helpers/database-files.js';
import { generations, inspect, openDatabase } from '../../../helpers/live-database.js';
import { publishBy, taskContext } from '../../../helpers/task-context.js';
import { temporaryFolder } from '../../../helpers/temporary-folder.js';

const publication = publishBy(() => undefined);

describe.each([
  ['a write-ahead log', true, 'BEGIN IMMEDIATE'],
  ['a rollback journal', false, 'BEGIN EXCLUSIVE'],
])('under a write lock, with %s', (_mode, wal, lock) => {
  const locked = (damage: (file: string) => void = () => undefined) => {
    const live = openDatabase(join(temporaryFolder(), 'app.db'), { wal, rows: 5_000 });
    live.pragma('wal_checkpoint(TRUNCATE)');
    damage(live.name);
    live.exec(lock);
    const safetyDestination = join(temporaryFolder(), 'safety.db');
    return { live: live.name, safetyDestination, source: '', requiredTables: ['none'], waitMs: 0, publication };
  };

  it('the copy is whole, private, and told as the phase of securing', async () => {
    const input = locked();
    const context = taskContext();
    const taken = await takeSafetySnapshot(input, context);
    expect(taken.verification).toMatchObject({ ok: true, checks: { quick_check: 'passed' } });
    expect(taken.source.size).toBe(statSync(input.safetyDestination).size);
    expect(inspect(input.safetyDestination, generations)).toBe('first:5000');
    expect(new Set(context.progress.map(({ phase }) => phase))).toEqual(new Set(['securing']));
  });

  it('a damaged database is copied as it is, and its verdict says so', async () => {
    const input = locked((file) => damagePages(file, 20, 3));
    const { verification } = await takeSafetySnapshot(input, taskContext());
    expect(verification).toMatchObject({ ok: false, checks: { quick_check: 'failed' } });
  });

  it('a file that is in the way is an error', async () => {
    const input = locked();
    await expect(
      takeSafetySnapshot({ ...input, safetyDestination: temporaryFolder() }, taskContext()),
    ).rejects.toThrow();
  });
});
