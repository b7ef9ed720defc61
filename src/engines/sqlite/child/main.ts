import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { hashFile } from '../../hash-file.js';
import type { ToChild } from '../protocol.js';
import { StopGate } from './stop-gate.js';
import type { FromThread, ToThread } from './task.js';

/**
 * Entry of the child process. The main thread stays free: it relays messages, computes digests, and ends the
 * process the moment the host is gone, even while SQLite is busy in the other thread for minutes.
 */
process.umask(0o077);
// A Ctrl-C in a terminal reaches the whole process group; only the host decides when this work ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// A host that died while this file was still being loaded was not heard.
if (!process.connected) process.kill(process.pid, 'SIGKILL');

const gate = new StopGate();
const thread = new Worker(fileURLToPath(new URL('./thread.js', import.meta.url)), { workerData: gate.memory });
const tell = (message: ToThread): void => thread.postMessage(message);
// A thread that fails outside a task leaves nothing to trust; the host sees the exit and says so.
thread.on('error', () => process.kill(process.pid, 'SIGKILL'));
thread.on('message', (message: FromThread) => {
  if (message.type === 'hash') void digest(message.file);
  else process.send?.(message);
});
process.on('message', (message: ToChild) => {
  if (message.type === 'run') tell(message);
  else if (gate.requestStop()) process.kill(process.pid, 'SIGKILL');
});

async function digest(file: string): Promise<void> {
  try {
    tell({ type: 'hashed', file, sha256: await hashFile(file) });
  } catch (error) {
    tell({ type: 'hashed', file, failure: error instanceof Error ? error.message : String(error) });
  }
}
