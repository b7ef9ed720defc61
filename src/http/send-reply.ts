import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type BackupError, toProblem } from '../errors.js';
import type { Reply } from './handler.js';

/** A client that takes no byte for so long has gone away without saying so; its file is closed. */
const idleMs = 60_000;

/** The one function that writes an answer. */
export async function sendReply(response: ServerResponse, reply: Reply): Promise<void> {
  if (response.headersSent || response.destroyed) {
    reply.stream?.destroy();
    return;
  }
  const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...reply.headers };
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = reply.status;
  if (reply.stream !== undefined) {
    response.setTimeout(idleMs, () => response.destroy());
    if (reply.live === true) reply.stream.on('data', () => process.nextTick(flush, response));
    // A client that leaves in the middle is no fault of the server, and there is nobody left to tell.
    await pipeline(reply.stream, response).catch(() => response.destroy());
    return;
  }
  if (reply.body === undefined) {
    response.end();
    return;
  }
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'application/json; charset=utf-8');
  const text = Buffer.isBuffer(reply.body) ? reply.body : JSON.stringify(reply.body);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

/** A middleware that compresses answers gives them this method, and holds back what it is not told to send. */
function flush(response: ServerResponse & { flush?: unknown }): void {
  if (typeof response.flush === 'function') response.flush();
}

/** RFC 9457. `instance` is the path that was asked for, or the id under which the host's log has the cause. */
export function problemReply(error: BackupError, request: IncomingMessage): Reply {
  const { instance, ...problem } = { instance: pathOf(request), ...toProblem(error) };
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json' };
  if (error.code === 'unauthenticated') headers['WWW-Authenticate'] = 'Bearer';
  if (error.code === 'range_not_satisfiable') headers['Content-Range'] = `bytes */${String(error.facts.size)}`;
  // The rest of a body that is not wanted is not read either.
  if (error.code === 'upload_too_large') headers.Connection = 'close';
  if (error.retryAfterSeconds !== undefined) headers['Retry-After'] = String(error.retryAfterSeconds);
  return { status: error.status, headers, body: { ...problem, instance } };
}

function pathOf(request: IncomingMessage & { originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? '').split('?')[0] ?? '';
}
