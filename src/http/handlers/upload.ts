import { z } from 'zod';
import { BackupError } from '../../errors.js';
import { notesSchema } from '../../options/notes.js';
import { parseInput } from '../../options/parse-input.js';
import { type Handler, replyTo } from '../handler.js';

const fieldsSchema = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'Expected 64 hexadecimal digits')
    .optional(),
  notes: notesSchema.optional(),
});

/** The multipart frame around the file: boundaries, part headers, the other fields. */
const frameBytes = 64 * 1024;

export const upload: Handler = async ({ service }, request) => {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > service.limits.uploadBytes + frameBytes) {
    throw new BackupError(
      'upload_too_large',
      `The upload has ${announced} bytes; at most ${service.limits.uploadBytes} are accepted.`,
    );
  }
  const staging = await service.reserveStaging();
  try {
    const received = await staging.fill(announced, () => request.receiveFile(staging.path));
    const fields = parseInput(fieldsSchema, received.fields);
    const run = service.importFile(received.path, { ...fields, move: true, ...request.caller });
    // The operation has taken the file, or refused it, before the directory goes.
    const released = run.finally(() => staging.release());
    released.catch(() => undefined);
    return await replyTo(request, run, '', (backup) => ({
      status: 201,
      headers: { Location: `download/${backup.filename}` },
      body: { backup },
    }));
  } catch (error) {
    await staging.release();
    throw error;
  }
};
