import { z } from 'zod';
import { parseInput } from '../../operations/parse-input.js';
import { backupKinds } from '../../options/backup-kind.js';
import type { Handler } from '../handler.js';

/** Digits alone: no sign, no exponent, no hexadecimal. */
const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'Expected a whole number')
  .transform(Number);
const querySchema = z.strictObject({
  limit: wholeNumber.pipe(z.int().min(1).max(500)).default(50),
  offset: wholeNumber.default(0),
  kind: z.enum(backupKinds).optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
});

export const list: Handler = async ({ service }, request) => {
  const query = parseInput(querySchema, request.query);
  const { backups, total } = await service.list(query);
  return { status: 200, body: { backups, total, limit: query.limit, offset: query.offset } };
};
