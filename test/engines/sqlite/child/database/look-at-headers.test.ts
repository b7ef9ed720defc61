import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { destroyHeader, flipBit } from '../../../../helpers/damage.js';
import { crashedCopy } from '../../../../helpers/database-files.js';
import { openDatabase, setGeneration } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

const entry = fileURLToPath(
  new URL('../../../../../dist/engines/sqlite/child/database/look-at-headers.js', import.meta.url),
);

it.each<[string, number, (file: string) => void]>([
  ['a sound file with a sound log', 0, () => undefined],
  ['a file whose header is only in its log', 0, destroyHeader],
  ['a sound file with a destroyed log', 0, (file) => destroyHeader(`${file}-wal`)],
  [
    'a destroyed file with a destroyed log',
    1,
    (file) => {
      destroyHeader(file);
      destroyHeader(`${file}-wal`);
    },
  ],
  [
    'a destroyed file with one flipped bit in the salt of its log, which SQLite finds empty then',
    1,
    (file) => {
      destroyHeader(file);
      flipBit(`${file}-wal`, 17, 2);
    },
  ],
  [
    'a destroyed file whose log cannot be looked at',
    1,
    (file) => {
      destroyHeader(file);
      rmSync(`${file}-wal`);
    },
  ],
])('%s is answered with %i', (_what, status, damage) => {
  const folder = temporaryFolder();
  const live = openDatabase(join(folder, 'app.db'));
  setGeneration(live, 'only in the log');
  const file = join(folder, 'damaged.db');
  crashedCopy(live.name, file);
  damage(file);
  expect(spawnSync(process.execPath, [entry, file], { stdio: 'ignore' }).status).toBe(status);
});
