import { readdirSync, readFileSync } from 'node:fs';
import { createBackupService } from 'express-db-backup';

/**
 * Entry of a process that is a host and nothing else, so that its memory is that of the package: creates, verifies and
 * restores once, and tells how far each brought its own memory and that of the child processes, in MiB.
 */
const [, , file, directory] = process.argv;
const sampleMs = 10;

const inMiB = (text, field) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1] ?? 0) / 1024;
const childrenIn = (task) => read(`/proc/self/task/${task}/children`).split(' ').filter(Boolean);

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process or the thread has just ended.
  }
}

async function highWater(work) {
  const before = process.memoryUsage.rss() / 1024 ** 2;
  let [hostMiB, childMiB] = [before, 0];
  const timer = setInterval(() => {
    hostMiB = Math.max(hostMiB, process.memoryUsage.rss() / 1024 ** 2);
    for (const child of readdirSync('/proc/self/task').flatMap(childrenIn))
      childMiB = Math.max(childMiB, inMiB(read(`/proc/${child}/status`), 'VmHWM'));
  }, sampleMs);
  const value = await work();
  clearInterval(timer);
  return { value, growthMiB: hostMiB - before, hostMiB, childMiB };
}

const service = createBackupService({ database: file, directory });
await service.start();
await service.list();
const create = await highWater(() => service.create());
const { filename } = create.value;
const verify = await highWater(() => service.verify(filename));
const restore = await highWater(() => service.restore(filename));
for (const name of [filename, restore.value.safetyBackup]) await service.remove(name);
await service.close();
process.send({ create, verify, restore }, () => process.disconnect());
