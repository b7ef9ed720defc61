import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemCode } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';

const stateSchema = z.object({
  /** When a schedule was first there. */
  since: z.iso.datetime(),
  /** How many runs have failed since the last one that did not. */
  failures: z.int().min(0),
  failedAt: z.iso.datetime().nullable(),
});

/** What the vault does not show of the schedule; the runs that made a backup it shows itself. */
type ScheduleState = z.output<typeof stateSchema>;

export interface ScheduleStore {
  /** Whether the schedule is running in this process: its service was started and not closed. */
  isActive: boolean;
  /** Null before the first run, and for a file that cannot be read: then the schedule begins anew. */
  read(): Promise<ScheduleState | null>;
  write(state: ScheduleState, staging: () => Promise<string>): Promise<void>;
}

export function createScheduleStore(stateDirectory: string): ScheduleStore {
  const file = join(stateDirectory, 'schedule.json');
  /** What could not be written down is known to this process at least, so that it does not try without a pause. */
  let unwritten: ScheduleState | null = null;
  return {
    isActive: false,
    async read() {
      if (unwritten !== null) return unwritten;
      try {
        const parsed = stateSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
        return parsed.success ? parsed.data : null;
      } catch (error) {
        if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return null;
        throw error;
      }
    },
    async write(state, staging) {
      unwritten = state;
      await writeFileDurably(file, JSON.stringify(state), { staging: await staging(), overwrite: true });
      unwritten = null;
    },
  };
}
