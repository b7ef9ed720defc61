import type { z } from 'zod';
import { BackupError } from '../errors.js';

/** @throws BackupError `invalid_request` with one entry of `errors` for each field that does not fit */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => {
    const at = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [{ field: at, message: issue.message }];
    return issue.keys.map((key) => ({ field: at === '' ? key : `${at}.${key}`, message: 'Unknown field.' }));
  });
  const fields = errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  throw new BackupError('invalid_request', fields.join(' '), { facts: { errors } });
}
