import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BackupService } from '../operations/backup-service.js';
import { healthRouterOptionsSchema, type ParsedHealthRouterOptions } from '../options/health-router-options.js';
import { parseOptions } from '../options/parse-options.js';
import type { BackupRouterOptions } from './backup-router.js';
import type { Principal, Reply } from './handler.js';
import { type Part, type Replies, repliesOf, untold } from './health-replies.js';
import { requireService } from './require-service.js';
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

/** An Express middleware, of version 4 or 5, or what a server of its own calls. */
export type HealthListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/**
 * What load balancers, container platforms and people ask. `GET /` tells of the database and its backups,
 * `GET /database` of the database alone, `GET /ping` that the process answers. 503 when the application cannot work
 * with the database, else 200.
 * @throws BackupError `invalid_options`
 *
 * @example
 * app.use('/health', healthRouter(backups, { authenticate }));
 * @example
 * // On a port of its own, which the public does not reach and no other middleware slows down.
 * createServer(healthRouter(backups, { details: 'public' })).listen(9000);
 */
export function healthRouter(service: HealthService, options: HealthRouterOptions = {}): HealthListener {
  requireService(service, ['health', 'report'], 'healthRouter');
  const asked: Asked = { service, options: parseOptions(healthRouterOptionsSchema, options, 'healthRouter') };
  return keepUngated(function health(request, response, next) {
    const answer = request.method === 'GET' || request.method === 'HEAD' ? answers.get(pathOf(request)) : undefined;
    if (answer !== undefined) void send(asked, answer, request, response);
    else if (next !== undefined) next();
    else void sendReply(response, { status: 404 });
  });
}

interface Asked {
  readonly service: HealthService;
  readonly options: ParsedHealthRouterOptions;
}

/** As Express compares them: in any case, with or without a slash at the end. */
function pathOf({ url = '/' }: IncomingMessage): string {
  const [path = ''] = url.split('?', 1);
  return path.endsWith('/') ? path.slice(0, -1).toLowerCase() : path.toLowerCase();
}

type Answer = (asked: Asked, request: IncomingMessage) => Reply | Promise<Reply>;

const pong: Reply = { status: 200, body: { status: 'ok', message: 'pong' } };
const answers: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['', (asked, request) => tellHealth(asked, request, 'whole')],
  ['/database', (asked, request) => tellHealth(asked, request, 'database')],
  ['/ping', () => pong],
]);

async function send(asked: Asked, answer: Answer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await sendReply(response, await answer(asked, request));
  } catch (error) {
    // Nobody hears of a promise that is rejected here.
    asked.service.report(error);
    response.destroy();
  }
}

async function tellHealth(asked: Asked, request: IncomingMessage, part: Part): Promise<Reply> {
  const replies = await readReplies(asked.service, part);
  return (await mayKnow(asked, request)) ? replies.known : replies.unknown;
}

async function readReplies(service: HealthService, part: Part): Promise<Replies> {
  try {
    return repliesOf(await service.health())[part];
  } catch (error) {
    service.report(error);
    return untold;
  }
}

/** Nobody is refused: a probe whose token has expired still learns whether the application works. */
async function mayKnow({ service, options }: Asked, request: IncomingMessage): Promise<boolean> {
  if (options.details === 'public') return true;
  const authenticate = options.authenticate as
    | ((asking: IncomingMessage) => Principal | null | Promise<Principal | null>)
    | undefined;
  try {
    const principal = await authenticate?.(request);
    return principal?.roles.some((role) => options.roles.includes(role)) === true;
  } catch (error) {
    service.report(error);
    return false;
  }
}
