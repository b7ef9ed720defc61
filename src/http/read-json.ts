import type { IncomingMessage } from 'node:http';
import express, { type Request, type Response } from 'express';
import { BackupError } from '../errors.js';

/** The largest body is a note of 1,000 characters. */
const jsonBytes = 16 * 1024;

const parseJson = express.json({ limit: jsonBytes });

/** @throws BackupError `invalid_request` also for a body of another type: ignored, a dry run would be a real one */
export async function readJson(request: Request, response: Response): Promise<void> {
  try {
    if (hasBody(request) && !request.is('application/json')) throw new Error('Expected application/json.');
    await new Promise<void>((resolve, reject) => {
      parseJson(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
  } catch (error) {
    throw new BackupError('invalid_request', 'The body is not the JSON that was expected.', {
      facts: { errors: [{ field: '', message: 'Expected a JSON object, sent as application/json.' }] },
      cause: error,
    });
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
