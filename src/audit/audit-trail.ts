import { toBackupError } from '../errors.js';
import type { AuditEntry } from '../options/audit-entry.js';
import type { AuditDraft } from './audit-line.js';
import { AuditQueue, type Queued } from './audit-queue.js';
import { type AuditCheck, checkChain } from './check-chain.js';
import { type OpenTrail, openTrail } from './open-trail.js';
import { type AuditPage, mentions, readEntries } from './read-entries.js';
import { requirePlace } from './trail-files.js';
import { TrailWriter, type TrailWriterParts } from './trail-writer.js';

export interface AuditTrailParts extends TrailWriterParts {
  /** Runs one short piece of work on the trail at a time, across processes. */
  readonly exclusively: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Is given each entry that this process has written, in their order. */
  readonly onWritten: (entry: AuditEntry) => void;
  /** Is told of a fault that kept no entry from the disk. */
  readonly onFault: (error: unknown) => void;
}

/**
 * What was done, by whom, and how it ended: `audit.jsonl` in the vault, one entry a line, each with the hash of the line
 * before, in files of a bounded size and number. Several processes write to it.
 */
export interface AuditTrail {
  /**
   * Resolves when the entry survives a power cut. @throws what kept it from the disk; it is tried again with the next one
   * @param once leaves it out where its operation has an entry already
   */
  append(draft: AuditDraft, options?: { readonly once?: boolean }): Promise<void>;
  /** Resolves when nothing waits to be written. */
  drain(): Promise<void>;
  /** Newest first. */
  read(page: { readonly limit: number; readonly offset: number }): Promise<AuditPage>;
  /** Looks for the first line that was altered, is missing, or stands in another place. */
  check(): Promise<AuditCheck>;
}

export function createAuditTrail(parts: AuditTrailParts): AuditTrail {
  const { exclusively, clock } = parts;
  const writer = new TrailWriter(parts);
  const queue = new AuditQueue(
    (batch) =>
      exclusively(async () => {
        await requirePlace(parts);
        await appendAll(parts, writer, await wanted(parts, batch));
      }),
    clock,
  );
  const withTrail = async <Result>(look: (trail: OpenTrail) => Promise<Result>): Promise<Result> => {
    const trail = await opened(parts, writer);
    try {
      return await look(trail);
    } finally {
      await trail.close();
    }
  };
  return {
    append: (draft, { once = false } = {}) => queue.add({ draft, once }),
    drain: () => queue.drain(),
    read: (page) => withTrail((trail) => readEntries(trail, page)),
    check: () => withTrail(checkChain),
  };
}

async function appendAll(
  { onWritten, onFault }: AuditTrailParts,
  writer: TrailWriter,
  drafts: readonly AuditDraft[],
): Promise<void> {
  if (drafts.length === 0) return;
  const { entries, fault } = await writer.append(drafts);
  for (const entry of entries) onWritten(entry);
  if (fault !== undefined) onFault(fault);
}

async function wanted(parts: AuditTrailParts, batch: readonly Queued[]): Promise<AuditDraft[]> {
  const drafts: AuditDraft[] = [];
  for (const { draft, once } of batch) if (!once || !(await isThere(parts, draft))) drafts.push(draft);
  return drafts;
}

async function isThere(parts: AuditTrailParts, { operation }: AuditDraft): Promise<boolean> {
  const trail = await openTrail(parts);
  try {
    return operation !== null && (await mentions(trail, operation));
  } finally {
    await trail.close();
  }
}

/** Where the vault cannot be written to, the trail is read as it is: nobody moves its files either. */
async function opened(parts: AuditTrailParts, writer: TrailWriter): Promise<OpenTrail> {
  await requirePlace(parts);
  try {
    return await parts.exclusively(async () => {
      await writer.settle();
      return openTrail(parts);
    });
  } catch (error) {
    if (toBackupError(error).code !== 'vault_read_only') throw error;
    return openTrail(parts);
  }
}
