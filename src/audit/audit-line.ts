import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type AuditAction, type AuditEntry, auditActions, auditOutcomes } from '../options/audit-entry.js';

/** An entry that has no place in the chain yet. */
export type AuditDraft = Omit<AuditEntry, 'number' | 'previous'>;

/** What the trail tells of itself. */
export function systemDraft(action: AuditAction, now: Date): AuditDraft {
  const nobody = { operation: null, by: null, from: null, file: null, code: null };
  return { at: now.toISOString(), action, ...nobody, outcome: 'succeeded', durationMs: 0, count: 1 };
}

/** Where a line stands in the chain. */
export interface Link {
  readonly number: number;
  /** Of the line without its line feed, hex. */
  readonly sha256: string;
}

/** What stands before the first line of all. */
export const origin: Link = { number: 0, sha256: '0'.repeat(64) };

/** No line is longer: every value has a bound, and an escaped character takes six bytes at most. */
export const mostLineBytes = 4_096;
const longest = { operation: 40, by: 200, from: 64, file: 200, code: 40 } as const;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const whole = z.int().min(0);
const lineSchema = z.strictObject({
  number: z.int().min(1),
  at: z.string(),
  operation: z.string().nullable(),
  action: z.enum(auditActions),
  by: z.string().nullable(),
  from: z.string().nullable(),
  file: z.string().nullable(),
  outcome: z.enum(auditOutcomes),
  code: z.string().nullable(),
  durationMs: whole,
  count: z.int().min(1),
  previous: sha256,
  begins: z.strictObject({ number: whole, previous: sha256 }).optional(),
  expected: z.strictObject({ number: whole, sha256 }).nullable().optional(),
});

export const hashLine = (line: Uint8Array): string => createHash('sha256').update(line).digest('hex');

/** The line's bytes, without a line feed: there is none within it, whatever the values are. */
export function formatLine(draft: AuditDraft, before: Link): { entry: AuditEntry; line: Buffer } {
  const { at, operation, action, by, from, file, outcome, code, durationMs, count, begins, expected } = draft;
  const entry: AuditEntry = {
    number: before.number + 1,
    at,
    operation: bounded(operation, longest.operation),
    action,
    by: bounded(by, longest.by),
    from: bounded(from, longest.from),
    file: bounded(file, longest.file),
    outcome,
    code: bounded(code, longest.code),
    durationMs: Math.max(0, Math.round(durationMs)),
    count,
    previous: before.sha256,
    ...(begins !== undefined && { begins }),
    ...(expected !== undefined && { expected }),
  };
  return { entry, line: Buffer.from(escapeUnseen(JSON.stringify(entry))) };
}

/** @returns null for what no `formatLine` has made */
export function parseLine(line: Buffer): AuditEntry | null {
  if (line.length > mostLineBytes) return null;
  try {
    const parsed = lineSchema.safeParse(JSON.parse(line.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

const bounded = (value: string | null, most: number): string | null =>
  typeof value === 'string' ? value.slice(0, most) : null;

/**
 * JSON escapes control characters up to U+001F. What else ends a line in some reader (U+0085, U+2028, U+2029), is not
 * seen, or turns the direction of what is seen, is escaped too: a line looks like what it is.
 */
function escapeUnseen(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
