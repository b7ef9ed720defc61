import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService } from 'express-db-backup';
import { makeDatabase } from './make-database.js';
import { timed } from './watch-stalls.js';

export const listedBackups = 10_000;
/** A vault that changed less than some seconds ago is read again; an operator's does not change all the time. */
const settleMs = 3_000;

/** Lists a vault of ten thousand: by a new service, which knows nothing of it, and again by the same. */
export async function measureList({ folder, runs, onRun }) {
  const options = { database: `${folder}/listed.db`, directory: `${folder}/listed` };
  makeDatabase(options.database, 1).close();
  await fillVault(options);
  await delay(settleMs);
  const measured = { 'list, cold': [], 'list, warm': [], 'stats, cold': [], 'stats, warm': [] };
  const measure = async (kind, work) => {
    const result = await timed(work);
    measured[kind].push(result);
    onRun(kind, result);
  };
  for (let round = 0; round < runs; round++) {
    for (const verb of ['list', 'stats']) {
      const service = createBackupService(options);
      // The directory is looked at once in a service's life; that is not part of a list. Nothing is read of the backups.
      await service.operation('none').catch(() => undefined);
      await measure(`${verb}, cold`, () => service[verb]());
      await measure(`${verb}, warm`, () => service[verb]());
      await service.close();
    }
  }
  return measured;
}

/** One real backup; the others have its manifest under their own name and time, and files of a few bytes. */
async function fillVault(options) {
  const service = createBackupService(options);
  const { filename } = await service.create();
  await service.close();
  const noteOf = (name) => `${options.directory}/metadata/${name.replace(/\.db$/, '.json')}`;
  const manifest = JSON.parse(readFileSync(noteOf(filename), 'utf8'));
  for (let hour = 1; hour < listedBackups; hour++) {
    const createdAt = new Date(Date.UTC(2020, 0, 1, hour)).toISOString();
    const name = `listed_backup_${createdAt.slice(0, 19).replace('T', '_').replaceAll(':', '-')}.db`;
    writeFileSync(noteOf(name), JSON.stringify({ ...manifest, filename: name, createdAt }, null, 2));
    writeFileSync(`${options.directory}/${name}`, 'backup');
  }
}
