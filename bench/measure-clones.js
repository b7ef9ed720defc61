import { rmSync } from 'node:fs';
import { createBackupService } from 'express-db-backup';
import { command } from './contenders.js';
import { makeDatabase } from './make-database.js';
import { mountImage } from './mount-image.js';
import { timed } from './watch-stalls.js';

/** In the first phase of a create the live database is pinned; what follows works on the copy alone. */
const phases = { copying: 'snapshotMs', finishing: 'finishingMs' };

/**
 * Creates on a file system that copies on write, beside `cp --reflink=always`.
 * @returns {Promise<{ fileSystem: string, copies: object[], creates: object[] } | { reason: string }>}
 */
export async function measureClones({ folder, sizeMiB, runs, onRun }) {
  const mounted = mountImage(folder, 3 * sizeMiB + 1024);
  if (mounted.reason !== undefined) return mounted;
  try {
    return { fileSystem: mounted.fileSystem, ...(await measureIn(mounted.path, { sizeMiB, runs, onRun })) };
  } finally {
    mounted.unmount();
  }
}

async function measureIn(folder, { sizeMiB, runs, onRun }) {
  const [file, copy] = [`${folder}/live.db`, `${folder}/copy.db`];
  const database = makeDatabase(file, sizeMiB);
  const service = createBackupService({ database: file, directory: `${folder}/backups`, verifyOnCreate: 'none' });
  const measured = { copies: [], creates: [] };
  try {
    for (let round = 0; round < runs; round++) {
      await command('sync', []);
      const copied = await timed(() => command('cp', ['--reflink=always', file, copy]));
      rmSync(copy);
      await command('sync', []);
      const created = await withPhases(service);
      await service.remove(created.value.filename);
      measured.copies.push(copied);
      measured.creates.push(created);
      onRun('cp --reflink=always', copied);
      onRun('create by clone', created);
    }
    return measured;
  } finally {
    await service.close();
    database.close();
  }
}

async function withPhases(service) {
  const took = { snapshotMs: 0, finishingMs: 0 };
  let [phase, since] = ['', 0];
  const stopListening = service.on('operation', (operation) => {
    const now = performance.now();
    if (phase in phases) took[phases[phase]] += now - since;
    [phase, since] = [operation.phase, now];
  });
  const measured = await timed(() => service.create());
  stopListening();
  return { ...measured, ...took };
}
