import { parentPort, workerData } from 'node:worker_threads';
import { isErrorCode } from '../../../error-table.js';
import { BackupError } from '../../../errors.js';
import { type Database, loadBetterSqlite3 } from '../../../system/load-better-sqlite3.js';
import type { RunMessage } from '../protocol.js';
import { compareDatabases } from './compare/compare-databases.js';
import { describeError } from './database/describe-error.js';
import { examineLive } from './database/examine-live.js';
import { inspectLive } from './database/inspect-live.js';
import { rehearseRestore } from './restore/rehearse-restore.js';
import { restoreLive } from './restore/restore-live.js';
import { restoreOffline } from './restore/restore-offline.js';
import { stageRestore } from './restore/stage-restore.js';
import { restoreTables } from './restore-tables/restore-tables.js';
import { finishSnapshot } from './snapshot/finish-snapshot.js';
import { takeSnapshot } from './snapshot/take-snapshot.js';
import { StopGate } from './stop-gate.js';
import type { Errand, FromThread, SystemFault, Task, TaskContext, ToThread } from './task.js';
import { normaliseUpload } from './verify/normalise-upload.js';
import { verifyFile } from './verify/verify-file.js';

/** The thread in which SQLite works: one task, one after the other, each in plain blocking calls. */
const tasks = {
  /** Takes as long as the rest of a small task; it can be had before a lock is won. */
  load: async () => void loadBetterSqlite3(),
  snapshot: takeSnapshot,
  finish: finishSnapshot,
  verify: verifyFile,
  normalise: normaliseUpload,
  stage: stageRestore,
  inspect: inspectLive,
  examine: examineLive,
  compare: compareDatabases,
  restore: restoreLive,
  restoreTables,
  restoreOffline,
  rehearse: rehearseRestore,
} satisfies Record<string, Task>;

const host = parentPort;
if (host === null) throw new Error('This module is the thread of the backup process; it is not imported.');
const tell = (message: FromThread): void => host.postMessage(message);

interface Pending {
  readonly settled: Promise<unknown>;
  settle(answer: Exclude<ToThread, RunMessage>): void;
}
const pending = new Map<number, Pending>();
let errands = 0;
const gate = new StopGate(workerData as SharedArrayBuffer);

function send(errand: Errand): Promise<unknown> {
  const id = ++errands;
  let settle: Pending['settle'] = () => undefined;
  const settled = new Promise<unknown>((resolve, reject) => {
    settle = (answer) => {
      pending.delete(id);
      if (answer.type === 'done') resolve(answer.value);
      else reject(toError(answer.fault));
    };
  });
  pending.set(id, { settled, settle });
  tell({ type: 'errand', id, errand });
  return settled;
}

function toError({ message, code }: SystemFault): Error {
  return isErrorCode(code) ? new BackupError(code, message) : Object.assign(new Error(message), { code });
}

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
  hash: (file) => send({ kind: 'hash', file }) as Promise<string>,
  sync: (file) => send({ kind: 'sync', file }) as Promise<void>,
  // Whether it can be had shows when it is asked for.
  prepareCopy: () => void send({ kind: 'prepare copy' }).catch(() => undefined),
  copy: (request) => send({ kind: 'copy', ...request }) as Promise<void>,
  beside: <Result>(task: string, input: object) => send({ kind: 'task', task, input }) as Promise<Result>,
};

host.on('message', (message: ToThread) => {
  if (message.type === 'run') void run(message);
  else pending.get(message.errand)?.settle(message);
});

/** What it tells last is true of the whole process: no errand works on, and the lock is let go of. */
async function run({ task, input, lockFile }: RunMessage): Promise<void> {
  let lock: Database | undefined;
  let outcome: FromThread;
  try {
    if (lockFile !== null) lock = holdLock(lockFile);
    const value = await (tasks[task as keyof typeof tasks] as Task)(input as never, context);
    outcome = { type: 'result', value };
  } catch (error) {
    outcome = { type: 'error', error: describeError(error, (input as { live?: string }).live) };
  }
  await Promise.allSettled([...pending.values()].map(({ settled }) => settled));
  lock?.close();
  gate.reset();
  tell(outcome);
}

/** A shared lock beside the host's own: nobody takes the lock while this process works, even if the host is gone. */
function holdLock(lockFile: string): Database {
  const lock = new (loadBetterSqlite3())(lockFile, { fileMustExist: true });
  lock.exec('BEGIN');
  lock.prepare('SELECT count(*) FROM sqlite_schema').get();
  return lock;
}
