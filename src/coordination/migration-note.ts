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
  /** `interrupted`: its process ended first. `failed`: it was not undone, and nobody wanted it so. */
  state: z.enum(['running', 'interrupted', 'failed']),
  /** How an earlier one ended that nobody has mended: the other fields but `instance` are of that one. */
  earlier: z.enum(['interrupted', 'failed']).nullable(),
});

/** A guarded migration that has begun. */
type Migration = z.output<typeof noteSchema>;
/** One of which nobody knows what it has made of the database, and the backup from before it. */
export type UnfinishedMigration = Pick<Migration, 'startedAt' | 'label' | 'backup'> & {
  readonly state: 'interrupted' | 'failed';
};

/**
 * The migration that runs, on the disk before it begins and gone when it is known what became of it: one whose process
 * was killed must not go unnoticed. Only the holder of the migration lock begins one.
 */
export interface MigrationNote {
  /**
   * When this resolves the note survives a power cut. Where an earlier one is unfinished the note stays that one's: only
   * its backup is from before all that nobody knows of.
   */
  begin(migration: Pick<Migration, 'instance' | 'startedAt' | 'label' | 'backup'>): Promise<void>;
  /** It did what it should, or nothing is left of this one nor of an earlier one. */
  end(): Promise<void>;
  /** What this one did is undone, or wanted; what an earlier one did is there still. */
  settle(): Promise<void>;
  /** It failed and was not undone, and nobody wanted it so. */
  fail(): Promise<void>;
  /** The last one when it was cut short or not undone; null otherwise, and while it runs. */
  unfinished(): UnfinishedMigration | null;
  /** The backup from before one that runs or is unfinished, or null. */
  wayBack(): string | null;
}

export function createMigrationNote(stateDirectory: string, isAlive: (instance: string) => boolean): MigrationNote {
  const file = join(stateDirectory, 'migration.json');
  const options = { staging: stateDirectory, overwrite: true, temporaryName: 'migration.tmp' };
  // On a full disk it cannot be written that one of this service has failed, which is to be told all the same.
  let failedInstance: string | undefined;
  const write = (note: Migration): Promise<void> => writeFileDurably(file, JSON.stringify(note), options);
  const read = (): Migration | null => {
    const text = readIfThere(file);
    return text === null ? null : parse(text);
  };
  const close = async (state: UnfinishedMigration['state'] | null): Promise<void> => {
    const note = read();
    if (note !== null && state !== null) return write({ ...note, state, earlier: null });
    await rm(file, { force: true });
    await syncDirectory(stateDirectory);
  };
  const unfinished = (): UnfinishedMigration | null => {
    const note = read();
    if (note === null) return null;
    const { state, startedAt, label, backup } = note;
    if (state !== 'running') return { state, startedAt, label, backup };
    const failed = note.instance === failedInstance;
    if (!failed && isAlive(note.instance)) return null;
    return { state: failed ? 'failed' : 'interrupted', startedAt, label, backup };
  };
  return {
    async begin({ instance, ...migration }) {
      const earlier = unfinished();
      const { state = null, ...told } = earlier ?? {};
      await write({ version: 1, instance, ...migration, ...told, state: 'running', earlier: state });
      failedInstance = undefined;
    },
    end: () => close(null),
    settle: async () => close(read()?.earlier ?? null),
    async fail() {
      failedInstance = read()?.instance;
      await close('failed');
    },
    unfinished,
    wayBack: () => read()?.backup ?? null,
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
