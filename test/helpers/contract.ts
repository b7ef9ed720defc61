import { expect } from 'vitest';
import { z } from 'zod';

/** The bodies of the HTTP contract, member for member: one that is missing, or that nobody wrote down, fails. */
const count = z.int().min(0);
const instant = z.iso.datetime({ precision: 3 });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const kind = z.enum(['manual', 'scheduled', 'safety', 'pre_migration', 'uploaded']);
const checks = z.record(z.string(), z.enum(['passed', 'failed', 'warning', 'skipped']));
const decisions = z.array(z.strictObject({ filename: z.string(), reason: z.string().min(1) }));

export const backupSchema = z.strictObject({
  filename: z.string(),
  engine: z.literal('sqlite'),
  kind,
  status: z.literal('completed'),
  createdAt: instant,
  createdBy: z.string(),
  notes: z.string().nullable(),
  pinned: z.boolean(),
  size: count,
  sha256,
  tables: z.record(z.string(), count),
  encoding: z.array(z.string()),
  verification: z.strictObject({
    level: z.enum(['none', 'quick', 'full']),
    ok: z.boolean().nullable(),
    at: instant.nullable(),
    problems: z.array(z.string()),
    durationMs: z.number().min(0),
  }),
  copies: z.tuple([]),
  warnings: z.array(z.string()),
  manifest: z.literal(true),
  durationMs: z.number().min(0),
});

export type BackupBody = z.output<typeof backupSchema>;

/** A file that somebody put into the vault: only what the file itself tells. */
export const straySchema = backupSchema.extend({
  engine: z.null(),
  kind: z.null(),
  status: z.literal('unknown'),
  createdBy: z.null(),
  notes: z.null(),
  sha256: z.null(),
  verification: z.null(),
  manifest: z.literal(false),
  durationMs: z.null(),
});

export const operationSchema = z.strictObject({
  id: z.string().min(1),
  type: z.enum(['create', 'verify', 'restore', 'upload', 'cleanup', 'remove', 'compare']),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  startedAt: instant,
  startedBy: z.string(),
  finishedAt: instant.nullable(),
  phase: z.string(),
  progress: z.strictObject({ done: count, total: count, unit: z.enum(['pages', 'bytes', 'tables']) }).nullable(),
  result: z.unknown(),
  problem: z.record(z.string(), z.unknown()).nullable(),
});

const schedule = z.strictObject({ enabled: z.boolean(), nextRunAt: instant.nullable(), lastRunAt: instant.nullable() });
const listed = z.union([backupSchema, straySchema]);

export const listSchema = z.strictObject({ backups: z.array(listed), total: count, limit: count, offset: count });
export const statusSchema = z.strictObject({
  operation: operationSchema.nullable(),
  schedule,
  maintenance: z.boolean(),
});
export const statsSchema = z.strictObject({
  totalBackups: count,
  totalSize: count,
  byKind: z.record(z.string(), z.strictObject({ count, size: count })),
  newest: listed.nullable(),
  oldest: listed.nullable(),
  lastVerifiedAt: instant.nullable(),
  retention: z.looseObject({ keep: count, safety: z.strictObject({ keep: count }) }),
  schedule,
  freeBytes: count.nullable(),
  directory: z.null(),
});
export const verifySchema = z.strictObject({
  filename: z.string(),
  ok: z.boolean(),
  level: z.enum(['quick', 'full']),
  problems: z.array(z.string()),
  warnings: z.array(z.string()),
  checks,
  durationMs: count,
});
export const receiptSchema = z.strictObject({
  restored: z.string(),
  safetyBackup: z.string(),
  checks,
  tables: z.record(z.string(), z.strictObject({ before: count.nullable(), after: count.nullable() })),
  warnings: z.array(z.string()),
  only: z.array(z.string()).optional(),
  checkpointPending: z.boolean(),
  durationMs: count,
  restartRequired: z.literal(false),
});
export const compareSchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  schema: z.array(
    z.strictObject({
      type: z.enum(['table', 'column', 'index', 'trigger', 'view']),
      name: z.string(),
      table: z.string(),
      change: z.enum(['added', 'removed', 'changed']),
      from: z.string().nullable(),
      to: z.string().nullable(),
    }),
  ),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      rowsFrom: count.nullable(),
      rowsTo: count.nullable(),
      added: count,
      removed: count,
      changed: count,
    }),
  ),
});
export const cleanupSchema = z.strictObject({
  dryRun: z.boolean(),
  deleted: decisions,
  kept: decisions,
  failed: decisions,
  freedBytes: count,
});
export const auditSchema = z.strictObject({
  entries: z.array(
    z.strictObject({
      number: z.int().min(1),
      at: instant,
      operation: z.string().nullable(),
      action: z.string(),
      by: z.string().nullable(),
      from: z.string().nullable(),
      file: z.string().nullable(),
      outcome: z.enum(['succeeded', 'failed', 'cancelled', 'refused']),
      code: z.string().nullable(),
      durationMs: count,
      count: z.int().min(1),
      previous: sha256,
      begins: z.strictObject({ number: count, previous: sha256 }).optional(),
      expected: z.strictObject({ number: count, sha256 }).nullable().optional(),
    }),
  ),
  total: count,
});
export const createdSchema = z.strictObject({ backup: backupSchema });
export const acceptedSchema = z.strictObject({ operation: operationSchema });

/** RFC 9457 with `code` and `hint`; beside them only the facts that the contract or the error table names. */
export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string(),
  hint: z.string().min(1),
  instance: z.string().min(1),
  errors: z.array(z.strictObject({ field: z.string(), message: z.string().min(1) })).optional(),
  expected: z.string().optional(),
  operation: operationSchema.nullable().optional(),
  problems: z.array(z.string()).optional(),
  objects: z.array(z.string()).optional(),
  restored: z.string().optional(),
  safetyBackup: z.string().nullable().optional(),
  live: z.enum(['old', 'new', 'unknown']).optional(),
  size: count.optional(),
  requiredBytes: count.optional(),
  availableBytes: count.optional(),
});
export type ProblemBody = z.output<typeof problemSchema>;

/** What is looked at of an answer, whichever client brought it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The answer's body, after its status, its headers and every member of it were found right. */
export function bodyOf<Schema extends z.ZodType>(answer: Answer, status: number, schema: Schema): z.output<Schema> {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  return schema.parse(JSON.parse(answer.text));
}

/** The problem, which tells its code and no path of the server. */
export function problemOf(answer: Answer, status: number, code: string): ProblemBody {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
  expect(answer.headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  const problem = problemSchema.parse(JSON.parse(answer.text));
  expect(problem).toMatchObject({ status, code, type: `urn:express-db-backup:problem:${code}` });
  expect(answer.text).not.toMatch(/\/tmp\/|express-db-backup-|node_modules|\.js:\d/);
  return problem;
}
