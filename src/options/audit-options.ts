import { z } from 'zod';
import type { AuditEntry } from './audit-entry.js';

/** The one home of the defaults of the audit trail. */
export const auditDefaults = { maxBytes: 10 * 1024 ** 2, maxFiles: 5 } as const;

/** Smaller files would be more rotation than trail; larger ones are slow to read. */
const fewestBytes = 16 * 1024;
const mostBytes = 1024 ** 3;
/** Each is opened when the trail is checked. */
const mostFiles = 100;

/** A promise it returns is not waited for; what else it returns is of no interest. */
type AuditListener = (entry: AuditEntry) => unknown;

const trailSchema = z.strictObject({
  /** A file that would grow beyond so many bytes becomes an old one. */
  maxBytes: z.int().min(fewestBytes).max(mostBytes).default(auditDefaults.maxBytes),
  /** How many files there are at most, the current one among them; the oldest goes. */
  maxFiles: z.int().min(2).max(mostFiles).default(auditDefaults.maxFiles),
  /** Is given each entry once it is on the disk. */
  onAudit: z.custom<AuditListener>((value) => typeof value === 'function', 'a function').optional(),
});

/** `false` writes nothing down; what is there already can still be read and checked. */
export const auditSchema = z
  .union([z.literal(false), trailSchema], { error: 'false, or an object such as { maxFiles: 5 }' })
  .prefault({});

export type AuditOptions = z.output<typeof auditSchema>;
