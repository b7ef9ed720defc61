import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemCode } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';
import type { Link } from './audit-line.js';

/** Its path in the vault, as people name it. */
export const headName = '.state/audit-head.json';

const headSchema = z.object({
  version: z.literal(1),
  number: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** The last line that was acknowledged, kept apart from the files so that one who cuts off their end is found out. */
export async function readHead(stateDirectory: string): Promise<Link | null> {
  try {
    const { number, sha256 } = headSchema.parse(JSON.parse(await readFile(headFile(stateDirectory), 'utf8')));
    return { number, sha256 };
  } catch (error) {
    // One that cannot be read says as little as one that is not there.
    if (error instanceof SyntaxError || error instanceof z.ZodError || systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Call it under the lock of the trail: the name of the temporary file is always the same. */
export function writeHead(stateDirectory: string, { number, sha256 }: Link): Promise<void> {
  const content = JSON.stringify({ version: 1, number, sha256 });
  return writeFileDurably(headFile(stateDirectory), content, {
    staging: stateDirectory,
    overwrite: true,
    temporaryName: 'audit-head.next',
  });
}

const headFile = (stateDirectory: string): string => join(stateDirectory, 'audit-head.json');
