import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemCode } from '../errors.js';
import { syncDirectory, writeFileDurably } from '../system/durable-write.js';

const noteSchema = z.object({
  version: z.literal(1),
  /** The service that guards it. */
  instance: z.string(),
  startedAt: z.string(),
  label: z.string().nullable(),
  /** From before it; null where there was no database. */
  backup: z.string().nullable(),
  /** Whether it failed and could not be undone. */
  failed: z.boolean(),
});

/** A guarded migration that has begun. */
export type Migration = z.output<typeof noteSchema>;

/**
 * The migration that runs, on the disk before it begins and gone when it is known what became of it: one whose process
 * was killed must not go unnoticed. Only the holder of the migration lock begins one.
 */
export interface MigrationNote {
  /** When this resolves the note survives a power cut. */
  begin(migration: Omit<Migration, 'version' | 'failed'>): Promise<void>;
  /** It failed and was not undone, and nobody wanted it so. */
  fail(): Promise<void>;
  end(): Promise<void>;
  /** The last one when it was cut short or not undone; null otherwise, and while it runs. */
  unfinished(): Migration | null;
}

export function createMigrationNote(stateDirectory: string, isAlive: (instance: string) => boolean): MigrationNote {
  const file = join(stateDirectory, 'migration.json');
  const options = { staging: stateDirectory, overwrite: true, temporaryName: 'migration.tmp' };
  const write = (note: Migration): Promise<void> => writeFileDurably(file, JSON.stringify(note), options);
  const read = (): Migration | null => {
    const text = readIfThere(file);
    return text === null ? null : parse(text);
  };
  return {
    begin: (migration) => write({ ...migration, version: 1, failed: false }),
    async fail() {
      const note = read();
      if (note !== null) await write({ ...note, failed: true });
    },
    async end() {
      await rm(file, { force: true });
      await syncDirectory(stateDirectory);
    },
    unfinished() {
      const note = read();
      return note !== null && (note.failed || !isAlive(note.instance)) ? note : null;
    },
  };
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** It is written whole or not at all; one that cannot be read is not of this version. */
function parse(text: string): Migration | null {
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
