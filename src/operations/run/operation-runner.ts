import { randomBytes } from 'node:crypto';
import type { Instance } from '../../coordination/instances.js';
import { type Operation, type OperationRecord, toOperation } from '../../coordination/operation.js';
import { createSlots } from '../../coordination/slots.js';
import { BackupError, toBackupError } from '../../errors.js';
import { ActiveOperation } from './active-operation.js';
import { Membership } from './membership.js';
import type { OperationBody, OperationRun, OperationSpec } from './operation-spec.js';
import type { RunnerParts } from './runner-parts.js';

/** Verifications and uploads read large files; two at a time leave the disk to the application. */
const parallelReaders = 2;
const mostWaiting = 64;

/** Runs operations: one changing one at a time across processes, each recorded, bounded in time and cancellable. */
export class OperationRunner {
  readonly #parts: RunnerParts;
  readonly #membership: Membership;
  readonly #active = new Map<string, ActiveOperation>();
  readonly #takeSlot = createSlots(parallelReaders, mostWaiting);

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#membership = new Membership(parts.join);
  }

  run<Result>(spec: OperationSpec, body: OperationBody<Result>): OperationRun<Result> {
    const active = new ActiveOperation(this.#newRecord(spec), this.#parts, spec);
    const begun = this.#begin(active).catch((error: unknown) => {
      const told = this.told(error);
      this.#parts.audit.refused(active.act, told);
      this.#tellFailure(spec.failedEvent, active.unbegun(told), told);
      throw told;
    });
    const outcome = begun.then((instance) => this.#perform(active, instance, body, spec));
    const started = begun.then(() => active.operation);
    // Whoever asks only for the outcome learns of a failure to start there.
    started.catch(() => undefined);
    return Object.assign(outcome, { started });
  }

  /** The operation that holds the lock, or else any that runs, in whichever process. */
  async current(): Promise<Operation | null> {
    const own = [...this.#active.values()].map(({ record }) => record);
    const running = [...own, ...(await this.#runningElsewhere())].sort(
      (a, b) => Number(b.exclusive) - Number(a.exclusive) || (a.id < b.id ? -1 : 1),
    );
    return running[0] === undefined ? null : toOperation(running[0]);
  }

  /** The operations of this service that listeners know to run; one that waits for the lock may never begin. */
  running(): Operation[] {
    return [...this.#active.values()].filter(({ record }) => record.instance !== '').map(({ operation }) => operation);
  }

  /** @throws BackupError `operation_not_found` */
  async get(id: string): Promise<Operation> {
    return this.#active.get(id)?.operation ?? toOperation(await this.#parts.log.read(id));
  }

  /** Asks the operation to stop and undo itself; one that has ended stays as it ended. @throws BackupError `operation_not_found` */
  async cancel(id: string): Promise<Operation> {
    const own = this.#active.get(id);
    if (own !== undefined) own.cancel();
    else if ((await this.get(id)).state === 'running')
      await this.#parts.log.requestCancel(id, (await this.instance()).staging);
    return this.get(id);
  }

  /** This service as others see it; it joins when that is first needed. */
  instance(): Promise<Instance> {
    return this.#membership.instance();
  }

  /**
   * Cancels what runs, waits until it is undone, and leaves. A service that was closed cannot be used again. For
   * others it lives until `beforeLeaving` has ended.
   */
  async close(beforeLeaving: () => Promise<void> = async () => undefined): Promise<void> {
    this.#membership.close();
    const running = [...this.#active.values()];
    for (const active of running) active.cancel();
    await Promise.all(running.map((active) => active.ended));
    await beforeLeaving().finally(() => this.#membership.leave());
  }

  /** Whether a changing operation runs, in whichever process, even one whose service is gone. */
  isChanging(): boolean {
    return !this.#parts.lock.isFree();
  }

  /** Runs short work under the operation lock; undefined when an operation holds it. */
  async whileIdle<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#holder() !== undefined) return undefined;
    const release = await this.#takeLock(new AbortController().signal);
    if (release === null) return undefined;
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Adds what was found out to the record of an operation that was interrupted; false when it ended otherwise. */
  async explain(id: string, facts: Readonly<Record<string, unknown>>): Promise<boolean> {
    return this.#parts.log.explain(id, facts, (await this.instance()).staging);
  }

  /** Writes down how operations ended whose process is gone. */
  async recover(): Promise<void> {
    await this.#parts.log.settle((await this.instance()).staging);
  }

  /** Writes down which backup the changing operation has removed, where that is not all it does. */
  removed(file: string): void {
    const act = this.#holder()?.act;
    if (act === undefined || act.action === 'remove') return;
    void this.#parts.audit.ended({ ...act, action: 'remove', file }, { outcome: 'succeeded', durationMs: 0 });
  }

  /** Gives a failure its code; the cause of one that nobody can act on is told to the host alone. */
  told(error: unknown): BackupError {
    const told = toBackupError(error);
    if (told !== error && told.code === 'internal_error')
      this.#parts.events.emit('internal.error', { instance: String(told.facts.instance), error });
    return told;
  }

  /** A vault that cannot even be entered must be heard of; what another operation or a cancel has stopped need not. */
  #tellFailure(event: OperationSpec['failedEvent'], operation: Operation, error: BackupError): void {
    if (event === undefined || ['operation_in_progress', 'operation_cancelled'].includes(error.code)) return;
    this.#parts.events.emit(event, { operation, error });
  }

  #newRecord({ type, by, exclusive }: OperationSpec): OperationRecord {
    const startedAt = this.#parts.clock().toISOString();
    const id = `${startedAt.replaceAll(/[-:.]/g, '')}-${randomBytes(6).toString('hex')}`;
    const open = { finishedAt: null, phase: 'starting', progress: null, result: null, problem: null } as const;
    return { id, type, state: 'running', startedAt, startedBy: by, ...open, instance: '', exclusive };
  }

  /** From here on the operation is seen by others; an exclusive one holds the lock. */
  async #begin(active: ActiveOperation): Promise<Instance> {
    const { id, exclusive } = active.record;
    const holder = this.#holder();
    if (exclusive && holder !== undefined) {
      active.end();
      throw inProgress(holder.operation);
    }
    this.#active.set(id, active);
    try {
      const instance = await (exclusive ? this.instance() : this.#membership.instanceOrVisitor());
      if (exclusive) {
        active.releaseLock = await this.#takeLock(active.signal);
        if (active.releaseLock === null) throw inProgress(await this.#holderElsewhere());
      }
      await active.begin(instance);
      return instance;
    } catch (error) {
      this.#forget(active);
      throw error;
    }
  }

  #holder(): ActiveOperation | undefined {
    return [...this.#active.values()].find(({ record }) => record.exclusive);
  }

  #takeLock(signal: AbortSignal): Promise<(() => void) | null> {
    return this.#parts.lock.acquire(async () => {
      signal.throwIfAborted();
      return (await this.#holderElsewhere()) !== null;
    });
  }

  async #perform<Result>(
    active: ActiveOperation,
    instance: Instance,
    body: OperationBody<Result>,
    { stages = true, failedEvent }: OperationSpec,
  ): Promise<Result> {
    let releaseSlot: (() => void) | undefined;
    try {
      if (!active.record.exclusive) releaseSlot = await this.#takeSlot(active.signal);
      const result = await active.perform(body, this.#parts.lock.file, stages);
      await active.succeed(result);
      return result;
    } catch (error) {
      const told = this.told(error);
      await active.fail(told);
      this.#tellFailure(failedEvent, active.operation, told);
      throw told;
    } finally {
      if (instance.recorded) await this.#parts.log.prune().catch((error: unknown) => this.told(error));
      else await instance.leave();
      this.#forget(active);
      releaseSlot?.();
    }
  }

  /** Recorded first, released last: whoever finds the lock free also finds how the operation ended. */
  #forget(active: ActiveOperation): void {
    this.#active.delete(active.record.id);
    active.releaseLock?.();
    active.end();
  }

  async #runningElsewhere(): Promise<OperationRecord[]> {
    return (await this.#parts.log.list()).filter(
      (record) => record.state === 'running' && !this.#active.has(record.id),
    );
  }

  async #holderElsewhere(): Promise<Operation | null> {
    const holder = (await this.#runningElsewhere()).find((record) => record.exclusive);
    return holder === undefined ? null : toOperation(holder);
  }
}

function inProgress(operation: Operation | null): BackupError {
  const who =
    operation === null
      ? 'Another operation holds the lock.'
      : `A ${operation.type} by ${operation.startedBy} has been running since ${operation.startedAt}.`;
  return new BackupError('operation_in_progress', who, { facts: { operation } });
}
