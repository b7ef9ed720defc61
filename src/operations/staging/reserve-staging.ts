import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSlots } from '../../coordination/slots.js';
import type { Reservation } from '../backup-service.js';
import type { OperationParts } from '../operation-parts.js';
import { withSpace } from './require-space.js';

/** Files that come in at a time, each of up to `limits.uploadBytes`, and how many more may wait for their turn. */
const parallelUploads = 8;
const mostWaitingUploads = 64;

/** Lends out directories for files that come in. */
export function createReservations({ runner, vault }: OperationParts): () => Promise<Reservation> {
  const takeSlot = createSlots(parallelUploads, mostWaitingUploads);
  return async function reserve() {
    const { staging } = await runner.instance();
    const releaseSlot = await takeSlot();
    const path = join(staging, `incoming-${randomBytes(6).toString('hex')}`);
    const release = (): Promise<void> => rm(path, { recursive: true, force: true }).finally(releaseSlot);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      releaseSlot();
      throw error;
    }
    return { path, fill: (bytes, work) => withSpace(vault, bytes, work), release };
  };
}
