import { type Instance, joinAsVisitor } from '../../coordination/instances.js';
import { BackupError, toBackupError } from '../../errors.js';

/** This service as the others that work on its vault see it. */
export class Membership {
  readonly #join: () => Promise<Instance>;
  #instance: Promise<Instance> | undefined;
  #left = false;

  constructor(join: () => Promise<Instance>) {
    this.#join = join;
  }

  /** It joins when that is first needed, and again when its vault was deleted meanwhile. */
  async instance(): Promise<Instance> {
    this.#requireOpen();
    await this.#leaveIfLost();
    this.#requireOpen();
    this.#instance ??= this.#join().catch((error: unknown) => {
      this.#instance = undefined;
      throw error;
    });
    return this.#instance;
  }

  /** A vault that cannot be written to can still be read and verified; nobody else hears of it. */
  async instanceOrVisitor(): Promise<Instance> {
    try {
      return await this.instance();
    } catch (error) {
      if (toBackupError(error).code !== 'vault_read_only') throw error;
      return joinAsVisitor();
    }
  }

  /** From here on nobody joins any more. */
  close(): void {
    this.#left = true;
  }

  async leave(): Promise<void> {
    const joined = this.#instance;
    this.#instance = undefined;
    // One that could not join has nothing to leave.
    const instance = await joined?.catch(() => undefined);
    await instance?.leave();
  }

  async #leaveIfLost(): Promise<void> {
    const joined = this.#instance;
    const instance = await joined;
    if (instance === undefined || instance.isThere() || this.#instance !== joined) return;
    this.#instance = undefined;
    await instance.leave();
  }

  #requireOpen(): void {
    if (this.#left) throw new BackupError('operation_cancelled', 'The service is closed.');
  }
}
