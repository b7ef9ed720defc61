import { isIP } from 'node:net';
import type { Request, Response } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { BackupError } from '../errors.js';
import type { Limiter } from './limiter.js';

/** Requests of one address that wait until it is decided whether it may still try. */
const mostWaiting = 1_000;

interface Attempts {
  /** Requests that are being authenticated or wait for it. */
  present: number;
  /** Authentications that have begun and whose outcome is not known. */
  undecided: number;
  readonly waiting: Set<() => void>;
}

export type Authenticating = <Result>(
  request: Request,
  response: Response,
  identify: () => Promise<Result>,
) => Promise<Result>;

/**
 * Lets an address try until it has failed too often; then it is refused before anyone looks at its token. No more are
 * under way at a time than could all fail, so that many guesses at once are no more than many in turn; the others wait.
 */
export function limitFailures(limiter: Limiter): Authenticating {
  const addresses = new Map<string, Attempts>();
  return async function authenticating(request, response, identify) {
    const address = addressOf(request);
    const count = (): Promise<unknown> => limiter.count(address, request, response);
    const attempts = addresses.get(address) ?? { present: 0, undecided: 0, waiting: new Set() };
    addresses.set(address, attempts);
    attempts.present++;
    try {
      await admission(attempts, limiter.limit, () => limiter.hits(address), count);
      return await attempt(attempts, identify, count);
    } finally {
      attempts.present--;
      if (attempts.present === 0) addresses.delete(address);
    }
  };
}

async function admission(
  attempts: Attempts,
  limit: number,
  failed: () => number,
  refuse: () => Promise<unknown>,
): Promise<void> {
  while (failed() + attempts.undecided >= limit) {
    if (failed() >= limit) await refuse();
    else await decided(attempts);
  }
  // At once: whoever was woken together with this one must see it.
  attempts.undecided++;
}

/** Of one that was admitted. A failure is counted before the attempt counts as decided, so that nobody gets in between. */
async function attempt<Result>(
  attempts: Attempts,
  identify: () => Promise<Result>,
  countFailure: () => Promise<unknown>,
): Promise<Result> {
  try {
    return await identify();
  } catch (error) {
    if (error instanceof BackupError && error.code === 'unauthenticated') await countFailure();
    throw error;
  } finally {
    attempts.undecided--;
    wake(attempts);
  }
}

/** Resolves when the outcome of another attempt of this address is known. */
function decided({ waiting }: Attempts): Promise<void> {
  if (waiting.size >= mostWaiting)
    throw new BackupError('rate_limited', 'Too many requests of this address wait for their authentication.');
  return new Promise((resolve) => waiting.add(resolve));
}

function wake({ waiting }: Attempts): void {
  const woken = [...waiting];
  waiting.clear();
  for (const proceed of woken) proceed();
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
