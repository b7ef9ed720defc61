import type { Operation } from '../../coordination/operation.js';
import { measurePace, type ToldProgress } from './progress-pace.js';

/** An operation with the pace of its progress. */
export type ToldOperation = Omit<Operation, 'progress'> & { readonly progress: ToldProgress | null };

/** Progress that comes more often is told so often. */
const shortestPauseMs = 250;

interface Known {
  readonly progressOf: ReturnType<typeof measurePace>;
  operation: ToldOperation;
  toldAt: number;
  /** Whether there is something newer than what was told. */
  late: boolean;
}

/** Passes on how operations go: each new phase and each end at once, progress at a bounded rate, the newest state always. */
export class OperationNews {
  readonly #running = new Map<string, Known>();
  readonly #tell: (operation: ToldOperation) => void;

  constructor(tell: (operation: ToldOperation) => void) {
    this.#tell = tell;
  }

  /** The operations that run, as they are. */
  running(): ToldOperation[] {
    return [...this.#running.values()].map(({ operation }) => operation);
  }

  changed(operation: Operation): void {
    const now = performance.now();
    const before = this.#running.get(operation.id);
    const progressOf = before?.progressOf ?? measurePace();
    const told = { ...operation, progress: progressOf(operation, now) };
    if (operation.state !== 'running') this.#running.delete(operation.id);
    const goesOn = before !== undefined && before.operation.state === operation.state;
    if (goesOn && before.operation.phase === operation.phase && now - before.toldAt < shortestPauseMs) {
      before.operation = told;
      before.late = true;
      return;
    }
    if (operation.state === 'running')
      this.#running.set(operation.id, { progressOf, operation: told, toldAt: now, late: false });
    this.#tell(told);
  }

  /** Tells what was held back for long enough. */
  flush(): void {
    const now = performance.now();
    for (const known of this.#running.values()) {
      if (!known.late || now - known.toldAt < shortestPauseMs) continue;
      known.late = false;
      known.toldAt = now;
      this.#tell(known.operation);
    }
  }

  /** Of this one nothing will be heard any more. */
  forget(id: string): void {
    this.#running.delete(id);
  }
}
