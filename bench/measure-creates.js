import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { command, contenders } from './contenders.js';
import { median } from './statistics.js';
import { timed } from './watch-stalls.js';

/** As long as the longest contender takes, so that the control had as many chances to be disturbed. */
const controlMs = 1_000;

/**
 * Runs every contender once per round, each round beginning with another one, and once nothing at all.
 * @returns {Promise<{ control: { stallsMs: number[], ownStallsMs: number[] }, results: { name: string, durationsMs: number[], stallsMs: number[], ownStallsMs: number[] }[] }>}
 */
export async function measureCreates({ file, database, folder, runs, onRun }) {
  const output = `${folder}/copy.db`;
  const all = contenders({ file, database, output, vaults: folder });
  const results = all.map(({ name, notes, ours = false }) => ({
    name,
    notes,
    ours,
    durationsMs: [],
    stallsMs: [],
    ownStallsMs: [],
  }));
  const control = { stallsMs: [], ownStallsMs: [] };
  try {
    // The first round fills the page cache and the vaults; it is not counted.
    for (let round = -1; round < runs; round++) {
      if (round >= 0) addStalls(control, await settled(() => delay(controlMs)));
      for (let turn = 0; turn < all.length; turn++) {
        const index = (turn + Math.max(round, 0)) % all.length;
        removeDatabase(output);
        await all[index].prepare?.();
        const measured = await settled(all[index].run);
        if (round < 0) continue;
        onRun(all[index].name, measured);
        results[index].durationsMs.push(measured.durationMs);
        addStalls(results[index], measured);
      }
    }
  } finally {
    removeDatabase(output);
    for (const { close } of all) await close?.();
  }
  return { control, results: results.sort((a, b) => median(a.durationsMs) - median(b.durationsMs)) };
}

function addStalls({ stallsMs, ownStallsMs }, { stallMs, ownStallMs }) {
  stallsMs.push(stallMs);
  ownStallsMs.push(ownStallMs);
}

/** What the run before wrote is on the disk first, so that nobody pays for another's bytes. */
async function settled(work) {
  await command('sync', []);
  return timed(work);
}

function removeDatabase(file) {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
}
