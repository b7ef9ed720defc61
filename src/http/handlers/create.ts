import { z } from 'zod';
import { notesSchema } from '../../options/notes.js';
import { parseInput } from '../../options/parse-input.js';
import { type Handler, replyTo } from '../handler.js';

const bodySchema = z.strictObject({ notes: notesSchema.optional() });

export const create: Handler = async ({ service }, request) => {
  const { notes } = parseInput(bodySchema, request.body);
  return replyTo(request, service.create({ notes, ...request.caller }), '', (backup) => ({
    status: 201,
    headers: { Location: `download/${backup.filename}` },
    body: { backup },
  }));
};
