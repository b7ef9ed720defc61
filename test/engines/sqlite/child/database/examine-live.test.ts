import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { examineLive } from '../../../../../dist/engines/sqlite/child/database/examine-live.js';
import { createDatabase } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

it('a look that waits until nobody writes keeps no writer waiting while it counts', async () => {
  const live = join(temporaryFolder(), 'app.db');
  createDatabase(live).close();
  const application = new Database(live, { timeout: 0 });
  onTestFinished(() => void application.close());
  const minimumRows = {
    // Asked for when the counting begins.
    get items() {
      application.exec("INSERT INTO commits VALUES ('meanwhile')");
      return 1;
    },
  };
  const { rows, minimums } = await examineLive({ live, count: true, unwritten: true, minimumRows });
  expect([rows, minimums]).toEqual([{ commits: 0, items: 500 }, { items: 1 }]);
  application.exec('BEGIN IMMEDIATE');
  await expect(examineLive({ live, count: true, unwritten: true, minimumRows: {} })).rejects.toMatchObject({
    code: 'SQLITE_BUSY',
  });
});
