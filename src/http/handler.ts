import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { BackupService } from '../operations/backup-service.js';
import type { OperationRun } from '../operations/run/operation-spec.js';
import type { ParsedRouterOptions } from '../options/router-options.js';
import type { RateLimits } from './rate-limits.js';

/** Who calls. Roles are compared letter for letter with those of the permissions. */
export interface Principal {
  readonly id: string;
  readonly roles: readonly string[];
}

export interface HandlerContext {
  readonly service: BackupService;
  readonly options: ParsedRouterOptions;
  readonly takeDownloadSlot: () => Promise<() => void>;
  /** @throws BackupError `rate_limited` when there are too many readers of events */
  readonly takeReaderSlot: () => Promise<() => void>;
  readonly limits: RateLimits;
  /** @throws BackupError `vault_refused` */
  readonly refuseServedVault: (app: unknown) => Promise<void>;
}

export interface HandlerRequest {
  readonly method: string;
  readonly principal: Principal;
  /** The same for an operation: who, and from which address. */
  readonly caller: { readonly by: string; readonly from: string | null };
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  /** Streams the multipart body's file into `directory`; for routes that take one. */
  receiveFile(directory: string): Promise<ReceivedFile>;
}

export interface ReceivedFile {
  readonly path: string;
  readonly fields: unknown;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, unless there is a `stream`; a Buffer has it spelled already. */
  readonly body?: unknown;
  readonly stream?: Readable;
  /** Whether each piece of the stream is of use at once, so that nothing on the way may hold it back. */
  readonly live?: boolean;
}

/** Knows nothing of Express: takes what was asked, returns what to answer, throws a BackupError. */
export type Handler = (context: HandlerContext, request: HandlerRequest) => Promise<Reply>;

/**
 * Answers with the outcome, or, for a client that said `Prefer: respond-async` (RFC 7240, 4.1), at once with the
 * operation. `up` leads from the request's path back to where the router is mounted.
 */
export async function replyTo<Result>(
  request: HandlerRequest,
  run: OperationRun<Result>,
  up: '' | '../',
  reply: (result: Result) => Reply,
): Promise<Reply> {
  if (!prefersAsync(request.headers.prefer)) return reply(await run);
  // The client reads how it ended from the operation; nobody waits for this promise.
  run.catch(() => undefined);
  const operation = await run.started;
  return {
    status: 202,
    headers: { Location: `${up}operations/${operation.id}`, 'Preference-Applied': 'respond-async' },
    body: { operation },
  };
}

function prefersAsync(header: string | string[] | undefined): boolean {
  const preferences = (Array.isArray(header) ? header : [header ?? '']).join(',').split(',');
  return preferences.some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async');
}
