import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { requireRoom } from '../../../../../dist/engines/sqlite/child/restore/require-room.js';
import { openDatabase } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

it('a restore that fits beside the live database may begin', () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  expect(() => requireRoom(live.name, 1024 * 1024)).not.toThrow();
});

it('a restore that does not fit is refused with both numbers, before anything is changed', () => {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'));
  const { bavail, bsize } = statfsSync(folder);
  expect(() => requireRoom(live.name, bavail * bsize)).toThrow(
    expect.objectContaining({
      code: 'insufficient_storage',
      facts: { requiredBytes: expect.any(Number), availableBytes: expect.any(Number) },
    }),
  );
});
