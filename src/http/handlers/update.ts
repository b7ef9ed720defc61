import { z } from 'zod';
import { notesSchema } from '../../options/notes.js';
import { parseInput } from '../../options/parse-input.js';
import { filenameOf } from '../filename-of.js';
import type { Handler } from '../handler.js';

const bodySchema = z.strictObject({ notes: notesSchema.optional(), pinned: z.boolean().optional() });

export const update: Handler = async ({ service }, request) => {
  const change = parseInput(bodySchema, request.body);
  return { status: 200, body: { backup: await service.update(filenameOf(request), change, request.caller) } };
};
