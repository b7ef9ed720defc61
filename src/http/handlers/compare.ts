import { z } from 'zod';
import { parseInput } from '../../options/parse-input.js';
import type { Handler } from '../handler.js';

const name = z.string().min(1);
const querySchema = z.strictObject({ from: name, to: name });

export const compare: Handler = async ({ service }, request) => {
  const { from, to } = parseInput(querySchema, request.query);
  return { status: 200, body: await service.compare(from, to, request.caller) };
};
