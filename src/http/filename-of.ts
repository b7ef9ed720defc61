import { BackupError } from '../errors.js';
import type { HandlerRequest } from './handler.js';

/** The decoded `:filename` of the route; what is a backup's name is for the vault to decide. */
export function filenameOf({ params }: HandlerRequest): string {
  const { filename } = params;
  if (filename === undefined) throw new BackupError('invalid_filename');
  return filename;
}
