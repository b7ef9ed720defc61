import { onTestFinished } from 'vitest';
import type { Snapshot } from '../../dist/engines/database-content.js';
import type { Progress } from '../../dist/engines/engine.js';
import { hashFile } from '../../dist/engines/hash-file.js';
import type { SafetyPublication } from '../../dist/engines/restore-report.js';
import { CopyProcess } from '../../dist/engines/sqlite/child/copier/copy-process.js';
import { syncFile } from '../../dist/engines/sqlite/child/errands.js';
import { type FinishInput, finishSnapshot } from '../../dist/engines/sqlite/child/snapshot/finish-snapshot.js';
import type { TaskContext } from '../../dist/engines/sqlite/child/task.js';

export interface RecordedContext extends TaskContext {
  readonly progress: Progress[];
  /** What was told that must not be stopped, in its order. */
  readonly steps: string[];
}

/** What the child gives its tasks, with a record of what they told it. */
export function taskContext({ onCommit }: { onCommit?: () => void } = {}): RecordedContext {
  const progress: Progress[] = [];
  const steps: string[] = [];
  const copies = new CopyProcess();
  onTestFinished(() => copies.end());
  const context: RecordedContext = {
    progress,
    steps,
    report: (step) => void progress.push(step),
    unstoppable: (work) => {
      steps.push('unstoppable');
      return work();
    },
    commit: () => {
      steps.push('commit');
      onCommit?.();
    },
    hash: hashFile,
    sync: syncFile,
    prepareCopy: () => void copies.warmUp(),
    copy: (request) => copies.copy(request),
    beside: <Result>(task: string, input: object) => {
      if (task === 'load') return Promise.resolve(undefined as Result);
      if (task !== 'finish') throw new Error(`${task} is not run beside another task.`);
      return finishSnapshot(input as FinishInput, { ...context, report: () => undefined }) as Promise<Result>;
    },
  };
  return context;
}

const module = new URL('../fixtures/publish-safety.mjs', import.meta.url).href;

/** A publication in this process. */
export function publishBy(publish: (snapshot: Snapshot) => unknown): SafetyPublication {
  return { module, input: { publish } };
}

/** A publication in a child process that goes on when the file is there. */
export function publishAfter(goOn: string): SafetyPublication {
  return { module, input: { goOn } };
}
