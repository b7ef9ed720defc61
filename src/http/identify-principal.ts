import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { BackupError } from '../errors.js';
import type { Principal } from './handler.js';

type AskHost = (request: IncomingMessage) => Principal | null | Promise<Principal | null>;

const principalSchema = z.object({ id: z.string().min(1), roles: z.array(z.string()) });

/** @throws BackupError `unauthenticated` */
export async function identifyPrincipal(authenticate: unknown, request: IncomingMessage): Promise<Principal> {
  const claimed = await askHost(authenticate as AskHost, request);
  if (!claimed) throw new BackupError('unauthenticated', 'A valid bearer token is required.');
  const principal = principalSchema.safeParse(claimed);
  if (!principal.success) throw new Error(`authenticate() returned no principal: ${z.prettifyError(principal.error)}`);
  return principal.data;
}

/** Whatever code a fault of the host's own function carries, it says nothing of the vault. */
async function askHost(authenticate: AskHost, request: IncomingMessage): Promise<Principal | null> {
  try {
    return await authenticate(request);
  } catch (cause) {
    throw new Error('authenticate() of the application failed.', { cause });
  }
}
