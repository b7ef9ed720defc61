import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { FromChild, ToChild } from '../protocol.js';
import { Errands } from './errands.js';
import { StopGate } from './stop-gate.js';
import type { FromThread, ToThread } from './task.js';

/**
 * Entry of the child process. The main thread stays free: it relays messages, does errands, and ends the process the
 * moment the host is gone, even while SQLite is busy in another thread for minutes.
 */
process.umask(0o077);
// A Ctrl-C in a terminal reaches the whole process group; only the host decides when this work ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', end);
// A host that died while this file was still being loaded was not heard.
if (!process.connected) end();

const gate = new StopGate();
const errands = new Errands(runBeside);
// A thread that fails outside a task leaves nothing to trust; the host sees the exit and says so.
const thread = startThread(gate, tellHost).on('error', end);
/** Started when it is first needed. */
let second: Worker | undefined;
process.on('message', (message: ToChild) => {
  if (message.type === 'run') {
    tellHost({ type: 'begun' });
    thread.postMessage(message satisfies ToThread);
  } else if (gate.requestStop()) end();
});

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

function tellHost(message: FromChild): void {
  process.send?.(message);
}

function startThread({ memory }: StopGate, tell: (message: FromChild) => void): Worker {
  const started = new Worker(fileURLToPath(new URL('./thread.js', import.meta.url)), { workerData: memory });
  started.on('message', (message: FromThread) => {
    if (message.type !== 'errand') tell(message);
    else void errands.answer(message.id, message.errand).then((answer) => started.postMessage(answer));
  });
  return started;
}

/** Runs a task in a second thread, one at a time; it comes to no point where it must not be stopped. */
function runBeside(task: string, input: unknown): Promise<unknown> {
  second ??= startThread(new StopGate(), () => undefined);
  const thread = second;
  return new Promise((resolve, reject) => {
    const settle = (message: FromThread): void => {
      if (message.type === 'result') resolve(message.value);
      else if (message.type === 'error')
        reject(Object.assign(new Error(message.error.detail), { code: message.error.code }));
      else return;
      thread.off('message', settle).off('error', reject);
    };
    thread.on('message', settle).on('error', reject);
    thread.postMessage({ type: 'run', task, input, lockFile: null } satisfies ToThread);
  });
}
