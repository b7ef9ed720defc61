import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { syncDirectory, writeFileDurably } from '../system/durable-write.js';

const entrySchema = z.object({
  version: z.literal(1),
  operation: z.string(),
  /** The service that runs it. */
  instance: z.string(),
  startedAt: z.string(),
  startedBy: z.string(),
  restored: z.string(),
  /** The tables whose rows are replaced; null for all of the database. */
  only: z.array(z.string()).nullable().default(null),
  /** The live database as it was; null where it could not be read, and its file is replaced. */
  before: z.object({ schemaCookie: z.number() }).nullable(),
  /** What it has afterwards. */
  schemaSha256: z.string(),
  /** Where a new file lies beside the live one before it takes its place. */
  incoming: z.string().nullable(),
  /** Named before the live content can change; null until then. */
  safetyBackup: z.string().nullable(),
});

/** A restore whose live database may be old or new: what the next start must know to tell which. */
export type JournalEntry = z.output<typeof entrySchema>;

/**
 * What a restore is about to do, on the disk before it does it and gone when its outcome is known. Only the holder of
 * the operation lock, and its child, write here.
 */
export interface Journal {
  /** When this resolves the intent survives a power cut. */
  intend(entry: Omit<JournalEntry, 'version' | 'safetyBackup'>, staging: string): Promise<void>;
  /** Names the safety backup, durably, before anything is replaced. */
  secured(safetyBackup: string | null, staging: string): Promise<void>;
  end(): Promise<void>;
  /** The restore that has no end: it runs now, or it was interrupted. */
  read(): JournalEntry | null;
}

export function createJournal(stateDirectory: string): Journal {
  const file = join(stateDirectory, 'journal.json');
  const write = (entry: JournalEntry, staging: string): Promise<void> =>
    writeFileDurably(file, JSON.stringify(entry), { staging, overwrite: true });
  const read = (): JournalEntry | null => (existsSync(file) ? parse(readFileSync(file, 'utf8')) : null);
  return {
    intend: (entry, staging) => write({ ...entry, version: 1, safetyBackup: null }, staging),
    async secured(safetyBackup, staging) {
      const entry = read();
      if (entry === null) throw new Error('The journal has lost the restore that is running.');
      await write({ ...entry, safetyBackup }, staging);
    },
    async end() {
      await rm(file, { force: true });
      await syncDirectory(dirname(file));
    },
    read,
  };
}

/** It is written whole or not at all; one that cannot be read is not of this version. */
function parse(text: string): JournalEntry | null {
  try {
    return entrySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
