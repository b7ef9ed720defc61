import { open } from 'node:fs/promises';
import { systemCode } from '../../../errors.js';
import { hashFile } from '../../hash-file.js';
import { CopyProcess } from './copier/copy-process.js';
import type { Errand, SystemFault, ToThread } from './task.js';

/** What the main thread does for the threads in which SQLite works. */
export class Errands {
  readonly #copies = new CopyProcess();
  readonly #runBeside: (task: string, input: unknown) => Promise<unknown>;

  constructor(runBeside: (task: string, input: unknown) => Promise<unknown>) {
    this.#runBeside = runBeside;
  }

  async answer(id: number, errand: Errand): Promise<ToThread> {
    try {
      return { type: 'done', errand: id, value: await this.#do(errand) };
    } catch (error) {
      return { type: 'failed', errand: id, fault: toFault(error) };
    }
  }

  async #do(errand: Errand): Promise<unknown> {
    switch (errand.kind) {
      case 'hash':
        return hashFile(errand.file);
      case 'sync':
        return syncFile(errand.file);
      case 'prepare copy':
        return void this.#copies.warmUp();
      case 'copy':
        return this.#copies.copy({ from: errand.from, to: errand.to, log: errand.log });
      case 'task':
        return this.#runBeside(errand.task, errand.input);
    }
  }
}

export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function toFault(error: unknown): SystemFault {
  return { message: error instanceof Error ? error.message : String(error), code: systemCode(error) };
}
