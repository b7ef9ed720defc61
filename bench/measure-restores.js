import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService } from 'express-db-backup';
import { command } from './contenders.js';
import { startReader, startWriter } from './load.js';
import { timed } from './watch-stalls.js';

const loadMs = 1_000;

/**
 * Restores the same backup again and again while the host reads and another process writes; before each restore the
 * same load runs for a while with nothing else going on, as the control.
 */
export async function measureRestores({ file, database, folder, runs, onRun }) {
  const service = createBackupService({ database: file, directory: `${folder}/restores` });
  const measured = { control: [], restores: [] };
  try {
    const { filename } = await service.create();
    for (let round = 0; round < runs; round++) {
      await command('sync', []);
      measured.control.push(await underLoad(file, database, () => delay(loadMs)));
      const restore = await underLoad(file, database, () => service.restore(filename));
      measured.restores.push(restore);
      onRun('restore', restore);
      await service.remove(restore.value.safetyBackup);
    }
    return measured;
  } finally {
    await service.close();
  }
}

async function underLoad(file, database, work) {
  const stopWriter = await startWriter(file);
  const stopReader = startReader(database);
  const measured = await timed(work);
  const reads = stopReader();
  const writes = await stopWriter();
  if (writes.failures > 0) throw new Error(`${writes.failures} commits of the writer failed.`);
  return { ...measured, reads, writes };
}
