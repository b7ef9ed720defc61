import { z } from 'zod';

export const operationTypes = ['create', 'verify', 'restore', 'upload', 'cleanup', 'remove', 'compare'] as const;
const operationStates = ['running', 'succeeded', 'failed', 'cancelled'] as const;

const instant = z.iso.datetime();
const operationSchema = z.object({
  id: z.string().regex(/^\d{8}T\d{9}Z-[0-9a-f]{12}$/),
  type: z.enum(operationTypes),
  state: z.enum(operationStates),
  startedAt: instant,
  startedBy: z.string(),
  finishedAt: instant.nullable(),
  phase: z.string(),
  progress: z.object({ done: z.number(), total: z.number(), unit: z.enum(['pages', 'bytes', 'tables']) }).nullable(),
  result: z.unknown(),
  problem: z.record(z.string(), z.unknown()).nullable(),
});

/** One run of a verb: who, since when, how far, and how it ended. */
export type Operation = z.output<typeof operationSchema>;
export type OperationType = Operation['type'];

/** What is kept on disk: the operation, and which service runs it. */
export const operationRecordSchema = operationSchema.extend({ instance: z.string(), exclusive: z.boolean() });
export type OperationRecord = z.output<typeof operationRecordSchema>;

export function toOperation({ instance: _instance, exclusive: _exclusive, ...operation }: OperationRecord): Operation {
  return operation;
}
