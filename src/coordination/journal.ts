import { existsSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
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
  /** By so much the commit raises the schema cookie. */
  raisesCookieBy: z.number(),
  /** What it has afterwards. */
  schemaSha256: z.string(),
  /** Of the backup, by table. */
  rows: z.record(z.string(), z.number()),
  /** Of a roll-back: the restore whose content is there until this one commits. */
  undoes: z.object({ restored: z.string(), safetyBackup: z.string() }).nullable(),
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
  /** The outcome is known, or nobody can tell it any more. What is kept of it for an undo needs no space on a full disk. */
  end(live: 'old' | 'new' | 'unknown'): Promise<void>;
  /** The restore that has no end: it runs now, or it was interrupted. */
  read(): JournalEntry | null;
  /** The last restore that changed the live database, or may have. */
  last(): Replaced | null;
}

interface Replaced {
  /** Has what was there before. */
  readonly safetyBackup: string;
  /** The tables whose rows were replaced; null for all of the database. */
  readonly only: readonly string[] | null;
  /** Whether nobody can tell if it was replaced at all. */
  readonly isUnknown: boolean;
}

export function createJournal(stateDirectory: string): Journal {
  const file = join(stateDirectory, 'journal.json');
  const endings = {
    new: join(stateDirectory, 'last-restore.json'),
    unknown: join(stateDirectory, 'last-restore-unknown.json'),
  } as const;
  const write = (entry: JournalEntry, staging: string): Promise<void> =>
    writeFileDurably(file, JSON.stringify(entry), { staging, overwrite: true });
  const read = (): JournalEntry | null => readEntry(file);
  return {
    intend: (entry, staging) => write({ ...entry, version: 1, safetyBackup: null }, staging),
    async secured(safetyBackup, staging) {
      const entry = read();
      if (entry === null) throw new Error('The journal has lost the restore that is running.');
      await write({ ...entry, safetyBackup }, staging);
    },
    async end(live) {
      if (live === 'old' || read() === null) await rm(file, { force: true });
      else {
        // First: a kill in between leaves the entry, which is settled again, and not two that are the last.
        await rm(endings[live === 'new' ? 'unknown' : 'new'], { force: true });
        await rename(file, endings[live]);
      }
      await syncDirectory(dirname(file));
    },
    read,
    last() {
      // Both are there only where a power cut has kept the later step of an end alone; then the later one is not known.
      const unknown = readEntry(endings.unknown);
      const entry = unknown ?? readEntry(endings.new);
      const safetyBackup = entry?.undoes?.safetyBackup ?? entry?.safetyBackup;
      if (entry === null || safetyBackup == null) return null;
      return { safetyBackup, only: entry.only, isUnknown: unknown !== null };
    },
  };
}

const readEntry = (file: string): JournalEntry | null => (existsSync(file) ? parse(readFileSync(file, 'utf8')) : null);

/** It is written whole or not at all; one that cannot be read is not of this version. */
function parse(text: string): JournalEntry | null {
  try {
    return entrySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
