import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { type RateLimitInfo, rateLimit } from 'express-rate-limit';
import { BackupError } from '../errors.js';
import type { LimitName, RateRule } from '../options/rate-limit-options.js';
import { LimitStore } from './limit-store.js';

export interface Limiter {
  /**
   * Counts a request and tells in the headers of its answer what is left.
   * @returns a function that takes the count back @throws BackupError `rate_limited`
   */
  count(caller: string, request: Request, response: Response): Promise<() => void>;
}

/** The host may use the same library: its own `request.rateLimit` is left alone. */
const property = 'backupRateLimit';

const silent = { warn: () => undefined, error: () => undefined };

export function createLimiter(name: LimitName, { limit, windowMs }: RateRule): Limiter {
  const store = new LimitStore(windowMs);
  const keys = new WeakMap<object, string>();
  const middleware = rateLimit({
    limit,
    windowMs,
    store,
    identifier: name,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    requestPropertyName: property,
    keyGenerator: (request) => keys.get(request) ?? '',
    handler: (request, _response, next) => next(refusal(name, limit, windowMs, infoOf(request))),
    // Its checks are made of our own use of it, which the tests cover, and of `trust proxy`, which is the host's to
    // decide and explained to it in the README; and they are told on the console, where this package says nothing.
    validate: false,
    logger: silent,
  });
  return {
    async count(caller, request, response) {
      const key = digest(caller);
      keys.set(request, key);
      await new Promise<void>((resolve, reject) => {
        const next = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
        void middleware(request, response, next);
      });
      const { resetTime } = infoOf(request);
      return () => store.giveBack(key, resetTime);
    },
  };
}

/** However long an id is that a token carries, it takes the same room in memory. */
const digest = (caller: string): string => createHash('sha256').update(caller).digest('base64url');

const infoOf = (request: object): RateLimitInfo => (request as Record<typeof property, RateLimitInfo>)[property];

function refusal(name: LimitName, limit: number, windowMs: number, { resetTime }: RateLimitInfo): BackupError {
  const retryAfterSeconds = Math.max(1, Math.ceil(((resetTime?.getTime() ?? 0) - Date.now()) / 1_000));
  const what = name === 'failedAuth' ? `${limit} failed authentications` : `${limit} requests for ${name}`;
  const detail = `At most ${what} are taken in ${Math.ceil(windowMs / 1_000)} s; the next in ${retryAfterSeconds} s.`;
  return new BackupError('rate_limited', detail, { retryAfterSeconds });
}
