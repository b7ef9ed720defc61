import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeError } from '../../../../../dist/engines/sqlite/child/database/describe-error.js';
import { inspectLive } from '../../../../../dist/engines/sqlite/child/database/inspect-live.js';
import { overwrite } from '../../../../helpers/database-files.js';
import { createDatabase, openDatabase } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

const codeOf = (live: string): Promise<unknown> =>
  inspectLive({ live }).catch((error: unknown) => describeError(error).code);

it('a live database in use tells its facts, triggers and views', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  live.exec('CREATE VIEW seen AS SELECT 1; PRAGMA application_id = 7;');
  await expect(inspectLive({ live: live.name })).resolves.toMatchObject({
    applicationId: 7,
    pageSize: 4096,
    objects: { 'view seen': expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
});

describe('a file that SQLite cannot open needs an offline restore', () => {
  const live = (change: (file: string) => void): string => {
    const file = join(temporaryFolder(), 'app.db');
    createDatabase(file, { wal: false }).close();
    change(file);
    return file;
  };
  it.each([
    ['empty', (file: string) => truncateSync(file, 0)],
    ['something else', (file: string) => writeFileSync(file, 'x'.repeat(8192))],
    ['without its header', (file: string) => overwrite(file, 0, Buffer.alloc(100))],
    ['with a schema that cannot be read', (file: string) => overwrite(file, 100, Buffer.alloc(3996, 0xa5))],
  ])('%s', async (_what, change) => {
    await expect(codeOf(live(change))).resolves.toBe('offline_restore_required');
  });
});

it('a missing file is missing', async () => {
  await expect(codeOf(join(temporaryFolder(), 'app.db'))).resolves.toBe('database_missing');
});

it('a locked database is busy, and not damaged', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'), { wal: false });
  live.exec('BEGIN EXCLUSIVE');
  await expect(codeOf(live.name)).resolves.toBe('database_busy');
});
