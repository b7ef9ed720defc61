import { mkdirSync } from 'node:fs';
import express from 'express';
import { backupRouter, createBackupService } from 'express-db-backup';
import { command, copy } from './contenders.js';
import { makeDatabase } from './make-database.js';
import { timed } from './watch-stalls.js';

const sizeMiB = 256;
const anyone = { id: 'bench', roles: ['ADMIN', 'DEVELOPER'] };

/** Fetches the same file through the package and through what Express itself has for files, by another process. */
export async function measureDownload({ folder, runs, onRun }) {
  const [database, directory, shown] = [`${folder}/download.db`, `${folder}/download`, `${folder}/shown`];
  makeDatabase(database, sizeMiB).close();
  const service = createBackupService({ database, directory });
  const app = express();
  app.use('/api', backupRouter(service, { authenticate: () => anyone, rateLimit: false }));
  app.use('/static', express.static(shown));
  const server = app.listen(0, '127.0.0.1');
  try {
    const { filename } = await service.create();
    // The router refuses to work in an app that hands out the vault itself.
    mkdirSync(shown);
    await copy(`${directory}/${filename}`, `${shown}/${filename}`);
    const fetched = (path) => () =>
      command('curl', ['-sSf', '-o', '/dev/null', `http://127.0.0.1:${server.address().port}${path}/${filename}`]);
    return await interleaved(
      { '`express.static`': fetched('/static'), download: fetched('/api/download') },
      runs,
      onRun,
    );
  } finally {
    server.closeAllConnections();
    server.close();
    await service.close();
  }
}

/** Each round begins with another side; the first, which fills the page cache, is not counted. */
async function interleaved(sides, runs, onRun) {
  const names = Object.keys(sides);
  const measured = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < runs; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + Math.max(round, 0)) % names.length];
      const result = await timed(sides[name]);
      if (round < 0) continue;
      measured[name].push(result);
      onRun(name, result);
    }
  }
  return measured;
}
