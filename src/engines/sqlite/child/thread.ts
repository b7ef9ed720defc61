import { parentPort, workerData } from 'node:worker_threads';
import { loadBetterSqlite3 } from '../../../system/load-better-sqlite3.js';
import type { RunMessage } from '../protocol.js';
import { describeError } from './describe-error.js';
import { inspectLive } from './inspect-live.js';
import { normaliseUpload } from './normalise-upload.js';
import { restoreLive } from './restore-live.js';
import { stageRestore } from './stage-restore.js';
import { StopGate } from './stop-gate.js';
import { takeSnapshot } from './take-snapshot.js';
import type { FromThread, Task, TaskContext, ToThread } from './task.js';
import { verifyFile } from './verify-file.js';

/** The thread in which SQLite works: one task, one after the other, each in plain blocking calls. */
const tasks = {
  snapshot: takeSnapshot,
  verify: verifyFile,
  normalise: normaliseUpload,
  stage: stageRestore,
  inspect: inspectLive,
  restore: restoreLive,
} satisfies Record<string, Task>;

export type TaskName = keyof typeof tasks;

const host = parentPort;
if (host === null) throw new Error('This module is the thread of the backup process; it is not imported.');
const tell = (message: FromThread): void => host.postMessage(message);

/** Referenced for as long as the process lives: a collected handle would close, and its lock with it. */
const heldLocks: unknown[] = [];

const pendingDigests = new Map<string, (message: Extract<ToThread, { type: 'hashed' }>) => void>();
const gate = new StopGate(workerData as SharedArrayBuffer);

const context: TaskContext = {
  report: (progress) => tell({ type: 'progress', progress }),
  async unstoppable(work) {
    gate.close();
    try {
      return await work();
    } finally {
      if (gate.reopen()) process.kill(process.pid, 'SIGKILL');
    }
  },
  commit() {
    gate.close();
    tell({ type: 'committing' });
  },
  hash: (file) =>
    new Promise((resolve, reject) => {
      pendingDigests.set(file, (message) =>
        'sha256' in message ? resolve(message.sha256) : reject(new Error(message.failure)),
      );
      tell({ type: 'hash', file });
    }),
};

host.on('message', (message: ToThread) => {
  if (message.type === 'run') void run(message);
  else pendingDigests.get(message.file)?.(message);
});

async function run({ task, input, lockFile }: RunMessage): Promise<void> {
  try {
    if (lockFile !== null) holdLock(lockFile);
    tell({ type: 'result', value: await (tasks[task as TaskName] as Task)(input as never, context) });
  } catch (error) {
    tell({ type: 'error', error: describeError(error) });
  }
}

/** A shared lock beside the host's own, kept until this process ends: nobody takes the lock while it still works. */
function holdLock(lockFile: string): void {
  const lock = new (loadBetterSqlite3())(lockFile, { fileMustExist: true });
  lock.exec('BEGIN');
  lock.prepare('SELECT count(*) FROM sqlite_schema').get();
  heldLocks.push(lock);
}
