import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { createSlots } from '../coordination/slots.js';
import { BackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';
import { parseOptions } from '../options/parse-options.js';
import type { RateLimitOptions } from '../options/rate-limit-options.js';
import { type Permission, routerOptionsSchema } from '../options/router-options.js';
import { auditedAction } from './audited-action.js';
import type { HandlerContext, HandlerRequest, Principal, Reply } from './handler.js';
import { identifyPrincipal } from './identify-principal.js';
import { createRateLimits } from './rate-limits.js';
import { readJson } from './read-json.js';
import { receiveFile } from './receive-file.js';
import { requireService } from './require-service.js';
import { type Route, routes } from './routes.js';
import { problemReply, sendReply } from './send-reply.js';
import { servedVaultGuard } from './served-vault-guard.js';
import { keepUngated } from './ungated.js';

export interface BackupRouterOptions {
  /**
   * Says who calls, or null for nobody: `jwtAuth({...})`, or a function of the host's own. A fault of it is an
   * internal error, never an admission.
   */
  authenticate(request: IncomingMessage): Principal | null | Promise<Principal | null>;
  /** Which roles may do what; an action that is not named keeps its default roles, `[]` switches it off. */
  readonly permissions?: Partial<Record<Permission, readonly string[]>>;
  /** What a restore must be confirmed with, letter for letter. */
  readonly confirmationPhrase?: string;
  /**
   * How many requests of a kind one principal may make in a window, such as `{ create: { limit: 1 } }` for one an hour,
   * and how often one address may fail to authenticate; `false` switches one limit off, or all of them.
   */
  readonly rateLimit?: RateLimitOptions;
}

/** An Express middleware, of version 4 or 5. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/** As many files as this are open for clients at a time; the others wait their turn without one. */
const parallelDownloads = 32;
const mostWaitingDownloads = 1_000;
/** A reader takes a few kilobytes and a socket. */
const mostReaders = 200;
/**
 * The HTTP surface of a service, to be mounted anywhere: `app.use('/api/backup', backupRouter(service, {...}))`.
 * @throws BackupError `invalid_options`; without `authenticate` there is no router
 */
export function backupRouter(service: BackupService, options: BackupRouterOptions): Middleware {
  requireService(service, ['create', 'restore', 'report'], 'backupRouter');
  const parsed = parseOptions(routerOptionsSchema, options, 'backupRouter');
  const context: HandlerContext = {
    service,
    options: parsed,
    takeDownloadSlot: createSlots(parallelDownloads, mostWaitingDownloads),
    takeReaderSlot: createSlots(mostReaders, 0),
    limits: createRateLimits(parsed.rateLimit),
    refuseServedVault: servedVaultGuard(service),
  };
  const router = express.Router();
  for (const route of routes) {
    router[route.method](route.path, (request, response) => answer(context, route, request, response));
  }
  // Express itself refuses a path it cannot decode; that too is answered only to those who may ask.
  router.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (!(error instanceof URIError)) next(error);
    else void answer(context, undecodable, request, response);
  });
  return keepUngated(router) as unknown as Middleware;
}

const undecodable: Route = {
  method: 'get',
  path: '',
  permission: 'read',
  body: 'none',
  handle: async () => {
    throw new BackupError('invalid_filename', 'The path cannot be decoded.');
  },
};

/** Authentication, permission, limit, body, handler, in this order; nothing is opened or said before the first three. */
async function answer(context: HandlerContext, route: Route, request: Request, response: Response): Promise<void> {
  const asking: Asking = { by: null, from: request.ip ?? request.socket.remoteAddress ?? null };
  try {
    const reply = await handle(context, route, request, response, asking).catch((error: unknown) =>
      problemReply(refuse(context, route, request, asking, context.service.report(error)), request),
    );
    await sendReply(response, reply);
  } catch (error) {
    // Express 4 leaves a rejected handler to the process, which would end.
    context.service.report(error);
    response.destroy();
  }
}

/** Who asks, and from which address; nobody knows who before the first step of the answer. */
interface Asking {
  by: string | null;
  readonly from: string | null;
}

/** Of strangers the audit says no more than where they came from: what else they send is theirs to choose. */
function refuse(
  { service }: HandlerContext,
  route: Route,
  { params }: Request,
  { by, from }: Asking,
  error: BackupError,
): BackupError {
  const { filename: file } = params as Record<string, string | undefined>;
  service.audited.refused(
    by === null ? { action: 'sign_in', by, from } : { action: auditedAction(route), by, from, file },
    error,
  );
  return error;
}

async function handle(
  context: HandlerContext,
  route: Route,
  request: Request,
  response: Response,
  asking: Asking,
): Promise<Reply> {
  const { limits, options } = context;
  const principal = await limits.authenticating(request, response, () =>
    identifyPrincipal(options.authenticate, request),
  );
  asking.by = principal.id;
  const allowed: readonly string[] = options.permissions[route.permission];
  if (!principal.roles.some((role) => allowed.includes(role)))
    throw new BackupError('forbidden', `This needs the permission ${route.permission}.`);
  // HEAD asks only what a GET would answer.
  const limit = request.method === 'HEAD' ? undefined : route.limit;
  const work = (): Promise<Reply> => handleAllowed(context, route, { principal, from: asking.from }, request, response);
  return limits.counting(limit, principal.id, request, response, work);
}

async function handleAllowed(
  context: HandlerContext,
  route: Route,
  { principal, from }: { readonly principal: Principal; readonly from: string | null },
  request: Request,
  response: Response,
): Promise<Reply> {
  await context.refuseServedVault(request.app);
  if (route.body === 'json') await readJson(request, response);
  const handlerRequest: HandlerRequest = {
    method: request.method,
    principal,
    caller: { by: principal.id, from },
    params: request.params as Record<string, string>,
    query: request.query,
    body: route.body === 'json' ? (request.body ?? {}) : undefined,
    headers: request.headers,
    receiveFile: (directory) => receiveFile(request, response, directory, context.service.limits.uploadBytes),
  };
  return route.handle(context, handlerRequest);
}
