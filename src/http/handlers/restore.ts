import { z } from 'zod';
import { BackupError } from '../../errors.js';
import { parseInput } from '../../options/parse-input.js';
import { filenameOf } from '../filename-of.js';
import { type Handler, type HandlerRequest, replyTo } from '../handler.js';

const bodySchema = z.strictObject({
  confirm: z.unknown().optional(),
  acceptNewTriggers: z.boolean().optional(),
  tables: z.array(z.string().min(1)).min(1).optional(),
});

const undoSchema = bodySchema.pick({ confirm: true });

export const restore: Handler = async ({ service, options }, request) => {
  const { confirm, acceptNewTriggers, tables } = parseInput(bodySchema, request.body);
  requirePhrase(confirm, options.confirmationPhrase);
  // First, so that a client that asked for 202 still gets 404 or 412.
  const { filename, sha256 } = await service.get(filenameOf(request));
  const ifSha256 = requireMatch(request, filename, sha256);
  const run = service.restore(filename, { acceptNewTriggers, tables, ifSha256, ...request.caller });
  return replyTo(request, run, '../', (receipt) => ({ status: 200, body: receipt }));
};

/** Puts back what the last restore replaced. */
export const undo: Handler = async (context, request) => {
  const { service, options } = context;
  const { confirm } = parseInput(undoSchema, request.body);
  requirePhrase(confirm, options.confirmationPhrase);
  const { filename, tables } = await service.lastReplaced();
  const ifSha256 = requireMatch(request, filename, (await service.get(filename)).sha256);
  const run = service.restore(filename, { tables, ifSha256, ...request.caller });
  return replyTo(request, run, '../', (receipt) => ({ status: 200, body: receipt }));
};

function requirePhrase(confirm: unknown, expected: string): void {
  if (confirm !== expected)
    throw new BackupError('confirmation_required', 'The confirmation phrase is missing or not exact.', {
      facts: { expected },
    });
}

/** @throws BackupError `backup_changed` when If-Match names another content */
function requireMatch({ headers }: HandlerRequest, filename: string, sha256: string | null): string[] | undefined {
  const expected = expectedDigests(headers['if-match']);
  if (expected !== undefined && (sha256 === null || !expected.includes(sha256)))
    throw new BackupError('backup_changed', `${filename} is not the one that was named in If-Match.`);
  return expected;
}

/** RFC 9110, 13.1.1: a list of strong entity tags, or `*` for whatever is there. A weak tag never matches. */
function expectedDigests(header: string | undefined): string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  return header.split(',').flatMap((tag) => /^"([^"]*)"$/.exec(tag.trim())?.[1] ?? []);
}
