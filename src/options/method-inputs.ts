import { z } from 'zod';
import { backupKinds, verificationLevels } from './backup-kind.js';
import { longestNotes, notesSchema } from './notes.js';

/** Of whichever realm, or of a polyfill: what it can do is all that counts. */
const isSignal = (value: unknown): boolean =>
  typeof (value as Partial<AbortSignal> | null)?.addEventListener === 'function';

const isFunction = (value: unknown): boolean => typeof value === 'function';

/** Who asks, from where, and what ends it. */
const caller = {
  by: z.string().min(1).optional(),
  from: z.string().nullable().optional(),
  signal: z.custom<AbortSignal>(isSignal, 'Expected an AbortSignal.').optional(),
};
const flag = z.boolean().optional();
const notes = notesSchema.optional();

/**
 * What the methods of the service are given. A name that is not known is refused: of `{ dryrun: true }` the backups
 * would be gone, of `{ table: ['orders'] }` everything would be restored.
 */
export const methodInputs = {
  caller: z.strictObject(caller),
  create: z.strictObject({ ...caller, notes, kind: z.enum(backupKinds).exclude(['safety', 'uploaded']).optional() }),
  verify: z.strictObject({ ...caller, level: z.enum(verificationLevels).optional() }),
  restore: z.strictObject({
    ...caller,
    ifSha256: z.array(z.string()).optional(),
    acceptNewTriggers: flag,
    tables: z.array(z.string().min(1)).min(1).max(1_000).optional(),
  }),
  importFile: z.strictObject({ ...caller, notes, sha256: z.string().optional(), move: flag }),
  update: z.strictObject({ notes, pinned: flag }),
  cleanup: z.strictObject({ ...caller, dryRun: flag }),
  guardMigration: z.strictObject({
    ...caller,
    label: z.string().max(longestNotes).optional(),
    onFailure: z.enum(['restore', 'keep']).optional(),
    mayEmpty: z.array(z.string()).optional(),
    beforeRestore: z.custom<() => void | Promise<void>>(isFunction, 'Expected a function.').optional(),
  }),
  file: z.string('Expected the path of a file.').min(1, 'Expected the path of a file.'),
  reader: z.custom<object>(isReader, 'Expected a reader with the functions `tell` and `end`.'),
  since: z.date().optional(),
} as const;

function isReader(value: unknown): boolean {
  const reader = value as { tell?: unknown; end?: unknown } | null | undefined;
  return isFunction(reader?.tell) && isFunction(reader?.end);
}
