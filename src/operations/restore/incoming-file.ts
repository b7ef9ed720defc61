import { basename, dirname, join } from 'node:path';
import { realPath } from '../../system/real-path.js';

/** Where a new file lies, on the same file system, before it takes the place of a live one that cannot be opened. */
export function incomingFile(liveFile: string, operation: string): string {
  const live = realPath(liveFile);
  return join(dirname(live), `.${basename(live)}.${basename(operation)}.incoming`);
}
