import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** @returns {Promise<Record<'create' | 'verify' | 'restore', { growthMiB: number, hostMiB: number, childMiB: number }>>} */
export async function measureMemory({ file, folder }) {
  const entry = fileURLToPath(new URL('./memory-host.js', import.meta.url));
  const host = fork(entry, [file, `${folder}/memory`]);
  const told = await Promise.race([once(host, 'message'), once(host, 'exit')]);
  if (typeof told[0] !== 'object' || told[0] === null) throw new Error(`The host ended with code ${told[0]}.`);
  return told[0];
}
