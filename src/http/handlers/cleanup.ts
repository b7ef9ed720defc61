import { z } from 'zod';
import { parseInput } from '../../options/parse-input.js';
import type { Handler } from '../handler.js';

const bodySchema = z.strictObject({ dryRun: z.boolean().optional() });

export const cleanup: Handler = async ({ service }, request) => {
  const { dryRun } = parseInput(bodySchema, request.body);
  return { status: 200, body: await service.cleanup({ dryRun, ...request.caller }) };
};
