import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createBackupService } from 'express-db-backup';
import { makeDatabase } from './make-database.js';

export const comparedMiB = 1_024;
const sampleMs = 20;

/** Compares a backup with a live database of which one row in a hundred has changed, beside Debian's `sqldiff`. */
export async function measureCompare({ folder, runs, onRun }) {
  const file = `${folder}/compared.db`;
  const database = makeDatabase(file, comparedMiB);
  const options = { database: file, directory: `${folder}/compared` };
  // The process that makes the backup is not one that compares.
  const creating = createBackupService(options);
  const { filename } = await creating.create();
  await creating.close();
  const service = createBackupService(options);
  try {
    database.exec("UPDATE orders SET status = 'sent' WHERE id % 100 = 0");
    const sides = {
      '`sqldiff --summary`': () => run('sqldiff', ['--summary', `${folder}/compared/${filename}`, file]),
      '**compare**': () => service.compare(filename, 'live'),
    };
    const measured = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
    for (let round = 0; round < runs; round++) {
      for (const [name, work] of Object.entries(sides)) {
        const result = await measure(work);
        measured[name].push(result);
        onRun(name, result);
      }
    }
    return measured;
  } finally {
    await service.close();
    database.close();
    // Room is given back before the next part needs it.
    rmSync(folder, { recursive: true });
  }
}

function run(command, parameters) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with code ${code}.`))));
  });
}

async function measure(work) {
  let childMiB = 0;
  const timer = setInterval(() => {
    for (const child of readdirSync('/proc/self/task').flatMap(childrenIn))
      childMiB = Math.max(childMiB, highWater(child));
  }, sampleMs);
  const startedAt = performance.now();
  await work();
  clearInterval(timer);
  return { durationMs: performance.now() - startedAt, childMiB };
}

const childrenIn = (task) => read(`/proc/self/task/${task}/children`).split(' ').filter(Boolean);
const highWater = (child) => Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${child}/status`))?.[1] ?? 0) / 1024;

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process or the thread has just ended.
  }
}
