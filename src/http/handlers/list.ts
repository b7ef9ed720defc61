import { z } from 'zod';
import { backupKinds } from '../../options/backup-kind.js';
import { parseInput } from '../../options/parse-input.js';
import type { Handler } from '../handler.js';
import { pageFields } from '../page-fields.js';

const querySchema = z.strictObject({
  ...pageFields,
  kind: z.enum(backupKinds).optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
});

export const list: Handler = async ({ service }, request) => {
  const query = parseInput(querySchema, request.query);
  const { backups, total } = await service.list(query);
  return { status: 200, body: { backups, total, limit: query.limit, offset: query.offset } };
};
