import { setTimeout as delay } from 'node:timers/promises';
import { createBackupService } from 'express-db-backup';
import { command } from './contenders.js';
import { startReader, startWriter } from './load.js';
import { timed } from './watch-stalls.js';

const loadMs = 1_000;

/**
 * Creates and restores again and again while the host reads and another process writes; in each round the same load
 * runs for a while with nothing else going on, as the control.
 */
export async function measureLoad({ file, database, folder, runs, onRun }) {
  const service = createBackupService({ database: file, directory: `${folder}/load` });
  const measured = { control: [], creates: [], restores: [] };
  const measure = async (kind, work) => {
    await command('sync', []);
    const result = await underLoad(file, database, work);
    measured[kind].push(result);
    onRun(kind, result);
    return result.value;
  };
  try {
    const { filename } = await service.create();
    for (let round = 0; round < runs; round++) {
      await measure('control', () => delay(loadMs));
      const created = await measure('creates', () => service.create());
      await service.remove(created.filename);
      const { safetyBackup } = await measure('restores', () => service.restore(filename));
      await service.remove(safetyBackup);
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
