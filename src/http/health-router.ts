import type { IncomingMessage } from 'node:http';
import express, { type Request, type Response } from 'express';
import { toBackupError } from '../errors.js';
import { isAboutBackups } from '../health/assess-backups.js';
import { commands } from '../health/finding.js';
import { type HealthReport, type HealthStatus, messageOf, statusOf } from '../health/verdict.js';
import type { BackupService } from '../operations/backup-service.js';
import { healthRouterOptionsSchema, type ParsedHealthRouterOptions } from '../options/health-router-options.js';
import { parseOptions } from '../options/parse-options.js';
import type { BackupRouterOptions, Middleware } from './backup-router.js';
import type { Principal, Reply } from './handler.js';
import { sendReply } from './send-reply.js';
import { keepUngated } from './ungated.js';

export interface HealthRouterOptions {
  /** Says who asks, as for the backup router. Without it, and for those it does not know, only the status is told. */
  readonly authenticate?: BackupRouterOptions['authenticate'];
  /** Which roles are told everything; those that may read backups unless told otherwise. */
  readonly roles?: readonly string[];
  /** `public` tells everyone everything: names of tables, rows, the age of the backups. */
  readonly details?: 'authorised' | 'public';
}

type HealthService = Pick<BackupService, 'health' | 'report'>;

/** What anyone may know: neither a name nor a number of what is in the database. */
const publicMessages: Readonly<Record<HealthStatus, string>> = {
  healthy: 'The database and its backups are well.',
  degraded: `The database works, but its backups need attention. Run: ${commands.doctor}`,
  critical: `The application cannot work with its database. Run: ${commands.doctor}`,
};

/**
 * What load balancers, container platforms and people ask: `app.use('/health', healthRouter(service))`.
 * `GET /` tells of the database and its backups, `GET /database` of the database alone, `GET /ping` that the process
 * answers. 503 when the application cannot work with the database, else 200.
 * @throws BackupError `invalid_options`
 */
export function healthRouter(service: HealthService, options: HealthRouterOptions = {}): Middleware {
  const parsed = parseOptions(healthRouterOptionsSchema, options, 'healthRouter');
  const router = express.Router();
  router.get('/ping', (_request, response) => {
    void sendReply(response, { status: 200, body: { status: 'ok', message: 'pong' } });
  });
  router.get('/', (request, response) => answer(service, parsed, request, response, whole));
  router.get('/database', (request, response) => answer(service, parsed, request, response, databaseAlone));
  return keepUngated(router) as unknown as Middleware;
}

type Body = Pick<HealthReport, 'status' | 'message'> & Partial<HealthReport>;

const whole = ({ findings: _findings, ...body }: HealthReport): Body => body;

/** The checks that are not about backups, and the status by them alone. */
function databaseAlone({ checks, database, findings }: HealthReport): Body {
  const found = findings.filter(({ check }) => !isAboutBackups(check));
  const made = Object.entries(checks).filter(([check]) => !isAboutBackups(check));
  return { status: statusOf(found), message: messageOf(found), checks: Object.fromEntries(made), database };
}

async function answer(
  service: HealthService,
  options: ParsedHealthRouterOptions,
  request: Request,
  response: Response,
  choose: (report: HealthReport) => Body,
): Promise<void> {
  try {
    await sendReply(response, await reply(service, options, request, choose));
  } catch (error) {
    // Express 4 leaves a rejected handler to the process, which would end.
    report(service, error);
    response.destroy();
  }
}

async function reply(
  service: HealthService,
  options: ParsedHealthRouterOptions,
  request: Request,
  choose: (report: HealthReport) => Body,
): Promise<Reply> {
  const body = await service.health().then(choose, (error: unknown): Body => {
    report(service, error);
    return { status: 'critical', message: `The health cannot be told. Run: ${commands.doctor}` };
  });
  const status = body.status === 'critical' ? 503 : 200;
  if (await mayKnow(service, options, request)) return { status, body };
  return { status, body: { status: body.status, message: publicMessages[body.status] } };
}

/** Nobody is refused: a probe whose token has expired still learns whether the application works. */
async function mayKnow(service: HealthService, options: ParsedHealthRouterOptions, request: Request): Promise<boolean> {
  if (options.details === 'public') return true;
  const authenticate = options.authenticate as
    | ((asking: IncomingMessage) => Principal | null | Promise<Principal | null>)
    | undefined;
  try {
    const principal = await authenticate?.(request);
    return principal?.roles.some((role) => options.roles.includes(role)) === true;
  } catch (error) {
    report(service, error);
    return false;
  }
}

function report(service: HealthService, error: unknown): void {
  const { facts } = toBackupError(error);
  service.report({ instance: String(facts.instance ?? ''), error });
}
