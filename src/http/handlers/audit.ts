import { z } from 'zod';
import { parseInput } from '../../options/parse-input.js';
import type { Handler } from '../handler.js';
import { pageFields } from '../page-fields.js';

const querySchema = z.strictObject(pageFields);

export const audit: Handler = async ({ service }, request) => ({
  status: 200,
  body: await service.audit(parseInput(querySchema, request.query)),
});
