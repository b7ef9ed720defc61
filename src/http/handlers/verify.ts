import { z } from 'zod';
import { verificationLevels } from '../../options/backup-kind.js';
import { parseInput } from '../../options/parse-input.js';
import { filenameOf } from '../filename-of.js';
import { type Handler, replyTo } from '../handler.js';

const bodySchema = z.strictObject({ level: z.enum(verificationLevels).optional() });

export const verify: Handler = async ({ service }, request) => {
  const { level } = parseInput(bodySchema, request.body);
  const { filename } = await service.get(filenameOf(request));
  return replyTo(request, service.verify(filename, { level, ...request.caller }), '../', (outcome) => ({
    status: 200,
    body: outcome,
  }));
};
