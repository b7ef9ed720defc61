import type { Request, Response } from 'express';
import type { ErrorCode } from '../error-table.js';
import { BackupError } from '../errors.js';
import type { LimitName, ParsedRateLimits } from '../options/rate-limit-options.js';
import { type Authenticating, limitFailures } from './failed-authentications.js';
import { createLimiter, type Limiter } from './limiter.js';

/** The limits of one router; another router counts for itself, and so does another process. */
export interface RateLimits {
  /** Runs `identify` for an address that has not failed too often. @throws BackupError `rate_limited` */
  readonly authenticating: Authenticating;
  /** Runs `work` for a principal who has not reached the limit. @throws BackupError `rate_limited` */
  counting<Result>(
    name: LimitName | undefined,
    principal: string,
    request: Request,
    response: Response,
    work: () => Promise<Result>,
  ): Promise<Result>;
}

export function createRateLimits(rules: ParsedRateLimits): RateLimits {
  const limiters = new Map(
    Object.entries(rules === false ? {} : rules).flatMap(([name, rule]): [string, Limiter][] =>
      rule === false ? [] : [[name, createLimiter(name as LimitName, rule)]],
    ),
  );
  const failures = limiters.get('failedAuth');
  return {
    authenticating: failures === undefined ? (_request, _response, identify) => identify() : limitFailures(failures),
    async counting(name, principal, request, response, work) {
      const takeBack = await limiters.get(name ?? '')?.count(principal, request, response);
      try {
        return await work();
      } catch (error) {
        if (costNothing(name, error)) takeBack?.();
        throw error;
      }
    },
  };
}

/** Told before anything was copied, checked or sent. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'invalid_filename',
  'confirmation_required',
  'backup_not_found',
  'operation_in_progress',
  'backup_changed',
  'range_not_satisfiable',
  'rate_limited',
  'vault_refused',
]);

/** A failure has cost what a success costs, so it counts; a refusal does not use up the hour. An upload cost its bytes. */
function costNothing(name: LimitName | undefined, error: unknown): boolean {
  return name !== 'upload' && error instanceof BackupError && refusals.has(error.code);
}
