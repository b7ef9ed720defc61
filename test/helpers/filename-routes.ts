import { type Route, routes } from '../../dist/http/routes.js';
import type { Answer } from './contract.js';
import { as, type HttpApp, phrase } from './http-app.js';
import { rawRequest } from './raw-request.js';

/** Every route that takes a filename, with its name for a test's title. */
export const filenameRoutes: readonly (readonly [string, Route])[] = routes
  .filter(({ path }) => path.includes(':filename'))
  .map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);

/** `name` goes into the request line as it is, in a request that lacks nothing else. */
export function sendToFilename({ origin }: HttpApp, { method, path, body }: Route, name: string): Promise<Answer> {
  const content = path.includes('restore') ? { confirm: phrase } : path === '/:filename' ? { notes: 'x' } : {};
  const headers = { ...as('DEVELOPER'), 'Content-Type': 'application/json' };
  const target = `/api/backup${path.replace(':filename', name)}`;
  return rawRequest(origin, method.toUpperCase(), target, headers, body === 'json' ? JSON.stringify(content) : '');
}
