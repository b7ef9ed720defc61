import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '../../coordination/instances.js';
import { type Operation, type OperationRecord, toOperation } from '../../coordination/operation.js';
import { BackupError, toProblem } from '../../errors.js';
import type { Act, Ending } from '../audit/audit-recorder.js';
import type { OperationBody, OperationContext, OperationSpec } from './operation-spec.js';
import type { RunnerParts } from './runner-parts.js';

/** How often progress is written down for other processes, and their wish to cancel is looked for. */
const heartbeatMs = 250;

/** One operation while it runs in this process: its record, its staging directory, its deadline, its end. */
export class ActiveOperation {
  record: OperationRecord;
  /** What the audit tells of it. */
  act: Act;
  /** Of one that holds the operation lock. */
  releaseLock: (() => void) | null = null;
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;
  readonly #parts: RunnerParts;
  readonly #begunAt = performance.now();
  readonly #controller = new AbortController();
  readonly #outside: AbortSignal | undefined;
  #instance: Instance | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** Writes go one after the other, so that a late one about progress cannot replace the last one. */
  #written: Promise<void> = Promise.resolve();

  constructor(record: OperationRecord, parts: RunnerParts, { by, from, file, signal: outside }: OperationSpec) {
    this.record = record;
    this.act = { action: record.type, by, from, file, operation: record.id };
    this.#parts = parts;
    this.#outside = outside;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    outside?.addEventListener('abort', this.cancel);
    if (outside?.aborted === true) this.cancel();
  }

  get operation(): Operation {
    return toOperation(this.record);
  }

  /** As it is told of when it failed before it began; it is recorded nowhere. */
  unbegun(error: BackupError): Operation {
    const finishedAt = this.#parts.clock().toISOString();
    return { ...this.operation, state: 'failed', finishedAt, problem: toProblem(error) };
  }

  readonly cancel = (): void =>
    this.#controller.abort(new BackupError('operation_cancelled', 'The operation was cancelled.'));

  /** Nobody asks it for anything any more. */
  end(): void {
    this.#outside?.removeEventListener('abort', this.cancel);
    this.#resolveEnded();
  }

  /** Aborts when the operation is cancelled, or has taken longer than the deadline allows. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From here on time counts, also while it waits for its turn. */
  async begin(instance: Instance): Promise<void> {
    this.#instance = instance;
    this.#update({ instance: instance.id });
    await this.#write({ sync: true });
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref();
    this.#deadline = setTimeout(() => this.#expire(), this.#parts.operationMs).unref();
  }

  /** Runs the body, in a directory of its own if it `stages` anything. */
  async perform<Result>(body: OperationBody<Result>, lockFile: string, stages: boolean): Promise<Result> {
    const staging = join(this.#instance?.staging ?? '', this.record.id);
    try {
      // Not recursive: that tells a full disk as ENOENT.
      if (stages) await mkdir(staging, { mode: 0o700 });
      this.signal.throwIfAborted();
      return await body(this.#context(staging, lockFile));
    } finally {
      // What the operation did is done; the next start sweeps what cannot be removed now.
      await rm(staging, { recursive: true, force: true }).catch(this.#tell);
    }
  }

  succeed(result: unknown): Promise<void> {
    return this.#finish({ state: 'succeeded', result }, { outcome: 'succeeded' });
  }

  fail(error: BackupError): Promise<void> {
    const state = error.code === 'operation_cancelled' ? 'cancelled' : 'failed';
    return this.#finish({ state, problem: toProblem(error) }, { outcome: state, error });
  }

  #context(staging: string, lockFile: string): OperationContext {
    const { signal } = this;
    return {
      operation: this.operation,
      signal,
      staging,
      phase: (phase) => this.#update({ phase, progress: null }),
      concerns: (file) => {
        this.act = { ...this.act, file };
      },
      engine: {
        signal,
        lockFile: this.record.exclusive ? lockFile : null,
        onProgress: ({ phase, ...progress }) => this.#update({ phase, progress }),
      },
    };
  }

  #update(change: Partial<OperationRecord>): void {
    this.record = { ...this.record, ...change };
    this.#parts.events.emit('operation', this.operation);
  }

  #expire(): void {
    const detail = `The operation did not end within ${this.#parts.operationMs} ms.`;
    this.#controller.abort(new BackupError('deadline_exceeded', detail));
  }

  #beat(): void {
    if (this.#parts.log.isCancelRequested(this.record.id)) this.cancel();
    void this.#write({ sync: false });
  }

  readonly #tell = (error: unknown): void => this.#parts.events.emit('internal.error', { instance: null, error });

  /** The audit comes first: an operation whose record says how it ended has its entry, whenever the process is killed. */
  async #finish(change: Partial<OperationRecord>, ending: Omit<Ending, 'durationMs'>): Promise<void> {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#deadline);
    const finishedAt = this.#parts.clock().toISOString();
    await this.#parts.audit.ended(this.act, { ...ending, durationMs: performance.now() - this.#begunAt });
    this.#update({ ...change, finishedAt, phase: 'done' });
    await this.#write({ sync: false });
  }

  /** A record that cannot be written must not stop what may be the very removal that frees the disk. */
  #write(options: { sync: boolean }): Promise<void> {
    const { recorded, staging } = this.#instance ?? { recorded: false, staging: '' };
    if (!recorded) return Promise.resolve();
    this.#written = this.#written.then(() => this.#parts.log.write(this.record, staging, options)).catch(this.#tell);
    return this.#written;
  }
}
