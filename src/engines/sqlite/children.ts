import type { EngineContext } from '../engine.js';
import { ChildProcess } from './child-process.js';
import { type ChildTask, Conversation } from './conversation.js';

/** For so long after a task its process spares the next one a start, which costs more than a small backup. */
const idleMs = 10_000;

/**
 * The child processes of one engine. A task has one to itself; after a success it stays for a while, idle and without
 * keeping the host alive.
 */
export class Children {
  #idle: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * Runs one task. When this settles nothing of it holds a lock or writes a file any more: its process is idle or gone.
   * @throws BackupError the task's own code, `engine_crashed`, or the reason of an abort
   */
  async run<Result>(task: ChildTask, context: EngineContext): Promise<Result> {
    context.signal.throwIfAborted();
    const idle = this.#take();
    const conversation = new Conversation(idle ?? new ChildProcess(), task, context);
    try {
      return (await this.#hold(conversation)) as Result;
    } catch (error) {
      // It may have died while it was idle, unnoticed until now.
      if (idle === undefined || conversation.hasBegun || context.signal.aborted) throw error;
      return (await this.#hold(new Conversation(new ChildProcess(), task, context))) as Result;
    }
  }

  /** Ends the idle process, and from now on every other one after its task. */
  async close(): Promise<void> {
    this.#closed = true;
    const idle = this.#take();
    idle?.disconnect();
    // It has nothing to undo, and one that is stopped or hangs does not hear of a closed channel.
    idle?.kill();
    await idle?.ended;
  }

  async #hold(conversation: Conversation): Promise<unknown> {
    const result = await conversation.result();
    const { child } = conversation;
    if (!conversation.leavesNoTrace || !this.#keep(child)) {
      child.disconnect();
      await child.ended;
    }
    return result;
  }

  #take(): ChildProcess | undefined {
    const idle = this.#idle;
    clearTimeout(this.#timer);
    this.#idle = undefined;
    if (idle?.isAlive !== true) return undefined;
    idle.keepHostAlive(true);
    return idle;
  }

  /** @returns false when it is not wanted */
  #keep(child: ChildProcess): boolean {
    if (this.#closed || this.#idle?.isAlive === true || !child.isAlive) return false;
    clearTimeout(this.#timer);
    this.#idle = child;
    this.#timer = setTimeout(() => this.#take()?.kill(), idleMs).unref();
    child.keepHostAlive(false);
    return true;
  }
}
