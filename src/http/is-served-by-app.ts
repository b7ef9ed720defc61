import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Layer, stackOf } from './app-stack.js';

type Middleware = NonNullable<Layer['handle']>;

/** A file server answers from a local disk; one that takes longer does not answer this. */
const longestAnswerMs = 2_000;
/** Routers within routers; deeper is a cycle. */
const deepest = 10;

/**
 * Asks every `express.static` of the application for this file, under each path by which it could have it: whether
 * the file lies in a served folder shows only in the answer.
 */
export async function isServedByApp(app: unknown, file: string): Promise<boolean> {
  const segments = file.split(sep).filter((segment) => segment !== '');
  const urls = segments.map((_segment, index) => `/${segments.slice(index).map(encodeURIComponent).join('/')}`);
  for (const middleware of lineage(app).flatMap((member) => fileServers(stackOf(member), 0))) {
    for (const url of urls) if (await answers(middleware, url)) return true;
  }
  return false;
}

/** An application that is mounted in another one, and that one, and so on. */
function lineage(app: unknown): unknown[] {
  if (app === undefined) return [];
  const { parent } = app as { parent?: unknown };
  return parent === undefined ? [app] : [app, ...lineage(parent)];
}

function fileServers(stack: readonly Layer[], depth: number): Middleware[] {
  if (depth > deepest) return [];
  return stack.flatMap(({ name, handle }) => {
    if (handle === undefined) return [];
    return name === 'serveStatic' ? [handle] : fileServers(handle.stack ?? [], depth + 1);
  });
}

async function answers(middleware: Middleware, url: string): Promise<boolean> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'HEAD', url });
  const response = new ServerResponse(request);
  const answered = new Promise<boolean>((resolve) => {
    response.end = () => {
      resolve(response.statusCode === 200);
      return response;
    };
    middleware(request, response, () => resolve(false));
  });
  return Promise.race([answered, delay(longestAnswerMs, false, { ref: false })]);
}
