import { join } from 'node:path';
import type { Request, Response } from 'express';
import multer from 'multer';
import { BackupError, systemCode } from '../errors.js';
import type { ReceivedFile } from './handler.js';

/** Every limit is set: what is not limited is unlimited. Notes of 1,000 characters take at most 4,000 bytes. */
const formLimits = { files: 1, fields: 4, parts: 6, fieldNameSize: 100, fieldSize: 8 * 1024, headerPairs: 20 };

/**
 * Streams the field `file` of a multipart body to a fixed name in `directory`; the client's name for it is not used.
 * @throws BackupError `upload_too_large`, `invalid_request`
 */
export async function receiveFile(
  request: Request,
  response: Response,
  directory: string,
  fileSize: number,
): Promise<ReceivedFile> {
  const filename = 'incoming';
  const storage = multer.diskStorage({
    destination: directory,
    filename: (_request, _file, callback) => callback(null, filename),
  });
  const receive = multer({ storage, limits: { ...formLimits, fileSize } }).single('file');
  await new Promise<void>((resolve, reject) => {
    // A connection that breaks off must end the wait even where the parser does not notice.
    const brokeOff = (): void => {
      if (!request.complete) reject(new BackupError('invalid_request', 'The upload broke off.'));
    };
    request.once('close', brokeOff);
    if (request.destroyed) brokeOff();
    receive(request, response, (error: unknown) => (error ? reject(describeFault(error, fileSize)) : resolve()));
  });
  if (request.file === undefined) {
    const errors = [{ field: 'file', message: 'Expected one file in a multipart/form-data body.' }];
    throw new BackupError('invalid_request', 'The upload has no file.', { facts: { errors } });
  }
  return { path: join(directory, filename), fields: { ...(request.body as Record<string, unknown>) } };
}

function describeFault(error: unknown, fileSize: number): unknown {
  const code = systemCode(error);
  if (code === 'LIMIT_FILE_SIZE')
    return new BackupError('upload_too_large', `The file has more than ${fileSize} bytes.`, { cause: error });
  // What the file system says (ENOSPC, EIO) keeps its meaning; everything else is about the form.
  if (code !== undefined && !(error instanceof multer.MulterError)) return error;
  const field = error instanceof multer.MulterError ? (error.field ?? 'file') : 'file';
  const message = error instanceof Error ? error.message : 'The form cannot be read.';
  return new BackupError('invalid_request', `The upload does not fit: ${message}.`, {
    facts: { errors: [{ field, message }] },
    cause: error,
  });
}
