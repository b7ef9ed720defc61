import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express5 from 'express';
import { type BackupRouterOptions, backupRouter, jwtAuth } from 'express-db-backup';
import express4 from 'express4';
import jwt from 'jsonwebtoken';
import supertest from 'supertest';
import { onTestFinished } from 'vitest';
import { type Answer, type BackupBody, bodyOf, createdSchema } from './contract.js';
import { createWorkspace, type Workspace, type WorkspaceOptions } from './workspace.js';

export const jwtSecret = 'a secret of the tests that is long enough';
export const phrase = 'I understand this will replace the current database';

/** Both versions of Express that the package works with. */
export const expressVersions = [
  ['Express 4', express4],
  ['Express 5', express5],
] as const;

export interface HttpApp extends Workspace {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Where the router is mounted. */
  readonly api: string;
}

export interface HttpAppOptions extends WorkspaceOptions {
  readonly express?: typeof express5;
  readonly router?: Partial<BackupRouterOptions>;
}

export async function startApp({ express = express5, router, ...workspace }: HttpAppOptions = {}): Promise<HttpApp> {
  const made = createWorkspace(workspace);
  const app = express();
  // A test makes more requests in a second than a person in an hour.
  const options = { authenticate: jwtAuth({ secret: jwtSecret }), rateLimit: false, ...router } as const;
  app.use('/api/backup', backupRouter(made.service, options));
  const origin = await serve(app);
  return { ...made, origin, api: `${origin}/api/backup` };
}

/** Listens on a free port of the loopback interface until the test ends. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function signToken(role: unknown, claims: object = {}): string {
  return jwt.sign(
    { sub: `${String(role).toLowerCase()}@example.com`, role, exp: Math.floor(Date.now() / 1000) + 600, ...claims },
    jwtSecret,
  );
}

/** The header of a caller with this role. */
export function as(role: unknown): { Authorization: string } {
  return { Authorization: `Bearer ${signToken(role)}` };
}

export interface Call {
  /** Null for no token at all. */
  readonly role?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface UploadCall {
  readonly role?: string;
  readonly name?: string;
  readonly fields?: Readonly<Record<string, string | string[]>>;
}

export type Method = 'get' | 'head' | 'post' | 'patch' | 'delete';

/** One request to the mounted router, as a DEVELOPER unless told otherwise. */
export async function call(
  app: Pick<HttpApp, 'api'>,
  method: Method,
  path: string,
  { role = 'DEVELOPER', body, headers = {} }: Call = {},
): Promise<Answer & { readonly headers: Readonly<Record<string, string>> }> {
  const request = supertest(app.api)[method](path);
  if (role !== null) request.set(as(role));
  request.set(headers);
  return body === undefined ? request : request.send(body as object);
}

/** A backup that was made over HTTP. */
export async function createOne(app: Pick<HttpApp, 'api'>, notes?: string): Promise<BackupBody> {
  return bodyOf(await call(app, 'post', '/create', { body: { notes } }), 201, createdSchema).backup;
}

/** A multipart form around one file. */
export function upload(
  app: Pick<HttpApp, 'api'>,
  file: Buffer,
  { role = 'DEVELOPER', name = 'client.db', fields = {} }: UploadCall = {},
): supertest.Test {
  const request = supertest(app.api).post('/upload').set(as(role));
  for (const [field, value] of Object.entries(fields)) request.field(field, value);
  return request.attach('file', file, name);
}
