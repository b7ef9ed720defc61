import { isIP } from 'node:net';
import type { Request, Response } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { BackupError } from '../errors.js';
import type { Limiter } from './limiter.js';

export type Authenticating = <Result>(
  request: Request,
  response: Response,
  identify: () => Promise<Result>,
) => Promise<Result>;

/**
 * Refuses an address that has failed too often, but never a caller who proves who they are: a stranger behind the same
 * proxy, or a script with an old token, must not keep anybody from a restore.
 */
export function limitFailures(limiter: Limiter): Authenticating {
  return async function authenticating(request, response, identify) {
    try {
      return await identify();
    } catch (error) {
      if (error instanceof BackupError && error.code === 'unauthenticated')
        await limiter.count(addressOf(request), request, response);
      throw error;
    }
  };
}

/**
 * Where the request comes from, as far as the host's `trust proxy` lets Express believe X-Forwarded-For; what stands
 * there and is no address counts as the proxy's own. An IPv6 subscriber has a whole subnet, which counts as one.
 */
function addressOf(request: Request): string {
  const candidates = [request.ip, request.socket.remoteAddress].map((address) => address?.split('%')[0] ?? '');
  const address = candidates.find((candidate) => isIP(candidate) !== 0);
  return address === undefined ? 'unknown' : ipKeyGenerator(address);
}
