import type { IncomingMessage } from 'node:http';
import { type BackupRouterOptions, backupRouter } from 'express-db-backup';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { rateLimitDefaults } from '../../dist/options/rate-limit-options.js';
import { type ProblemBody, problemOf } from '../helpers/contract.js';
import { holdEngine } from '../helpers/held-engine.js';
import {
  as,
  call,
  createOne,
  expressVersions,
  type HttpApp,
  type Method,
  phrase,
  serve,
  signToken,
  startApp,
  upload,
} from '../helpers/http-app.js';
import { createWorkspace, storedBackups } from '../helpers/workspace.js';

const hourMs = 3_600_000;
const user = (sub: string) => ({ headers: { Authorization: `Bearer ${signToken('DEVELOPER', { sub })}` }, role: null });
type Headers = Readonly<Record<string, string>>;

/** What `RateLimit: "create"; r=9; t=3600` and its policy say of one limit. */
function told(headers: Headers, name: string): { left: number; seconds: number; quota: number; window: number } {
  const [, left, seconds] = new RegExp(`"${name}"; r=(\\d+); t=(\\d+)`).exec(headers.ratelimit ?? '') ?? [];
  const [, quota, window] =
    new RegExp(`"${name}"; q=(\\d+); w=(\\d+); pk=:[\\w+/=]+:`).exec(headers['ratelimit-policy'] ?? '') ?? [];
  return { left: Number(left), seconds: Number(seconds), quota: Number(quota), window: Number(window) };
}

function refused(answer: Parameters<typeof problemOf>[0] & { headers: Headers }, longestSeconds: number): ProblemBody {
  const problem = problemOf(answer, 429, 'rate_limited');
  const seconds = Number(answer.headers['retry-after']);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(longestSeconds);
  return problem;
}

const forged = { role: null, headers: { Authorization: `${as('DEVELOPER').Authorization.slice(0, -10)}AAAAAAAAAA` } };

afterEach(() => {
  vi.useRealTimers();
});

describe.each(expressVersions)('%s: rateLimit', (_version, express) => {
  const requests = {
    create: (app: HttpApp) => call(app, 'post', '/create', { body: {} }),
    verify: (app: HttpApp) => call(app, 'post', '/verify/latest', { body: { level: 'quick' } }),
    download: (app: HttpApp) => call(app, 'get', '/download/latest'),
    restore: (app: HttpApp) => call(app, 'post', '/restore/latest', { body: { confirm: phrase } }),
    upload: (app: HttpApp) => upload(app, Buffer.from('no database')),
  };

  it.each(Object.entries(requests))('takes one %s an hour, and the next when the hour is over', async (name, send) => {
    const app = await startApp({ express, router: { rateLimit: { [name]: { limit: 1, windowMs: hourMs } } } });
    await app.service.create();
    const before = storedBackups(app.directory);
    const first = await send(app);
    expect(first.status).toBe(name === 'upload' ? 422 : name === 'create' ? 201 : 200);
    expect(told(first.headers as Headers, name)).toEqual({
      left: 0,
      seconds: hourMs / 1_000,
      quota: 1,
      window: hourMs / 1_000,
    });
    const after = storedBackups(app.directory);
    const second = await send(app);
    refused(second as never, hourMs / 1_000);
    expect(told(second.headers as Headers, name).left).toBe(0);
    expect(storedBackups(app.directory)).toEqual(after);
    expect(after.length - before.length).toBe(name === 'create' || name === 'restore' ? 1 : 0);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hourMs });
    expect((await send(app)).status).toBe(first.status);
  });

  it('counts each principal by itself, and each kind of request', async () => {
    const app = await startApp({ express, router: { rateLimit: { create: { limit: 1 } } } });
    expect((await call(app, 'post', '/create', { body: {}, ...user('a') })).status).toBe(201);
    refused(await call(app, 'post', '/create', { body: {}, ...user('a') }), 3_600);
    expect((await call(app, 'post', '/create', { body: {}, ...user('b') })).status).toBe(201);
    expect((await call(app, 'post', '/verify/latest', { body: {}, ...user('a') })).status).toBe(200);
    expect((await call(app, 'get', '/list', user('a'))).status).toBe(200);
  });

  it('takes by default 10 backups an hour of a principal', async () => {
    const { service } = createWorkspace({ live: { rows: 5 } });
    const app = express();
    const authenticate = (): { id: string; roles: string[] } => ({ id: 'me', roles: ['DEVELOPER'] });
    app.use('/api', backupRouter(service, { authenticate }));
    const api = `${await serve(app)}/api`;
    for (let count = 1; count <= 10; count++) {
      const answer = await call({ api }, 'post', '/create', { body: {} });
      expect(answer.status).toBe(201);
      expect(told(answer.headers, 'create')).toMatchObject({ left: 10 - count, quota: 10, window: 3_600 });
    }
    refused(await call({ api }, 'post', '/create', { body: {} }), 3_600);
  });

  it('counts a failure, which has cost as much, and not a refusal, which did nothing', async () => {
    const { service, begun, release } = holdEngine('snapshot');
    const app = await startApp({
      express,
      service,
      router: { rateLimit: { create: { limit: 2 }, restore: { limit: 1 } } },
    });
    const running = app.service.create();
    await begun;
    const body = {};
    for (let count = 0; count < 5; count++)
      problemOf(await call(app, 'post', '/create', { body }), 409, 'operation_in_progress');
    for (let count = 0; count < 5; count++)
      problemOf(await call(app, 'post', '/create', { body: { notes: 1 } }), 400, 'invalid_request');
    problemOf(await call(app, 'post', '/create', { body, role: 'USER' }), 403, 'forbidden');
    release();
    await running;
    problemOf(await call(app, 'post', '/restore/latest', { body }), 400, 'confirmation_required');
    problemOf(await call(app, 'post', '/restore/missing.db', { body: { confirm: phrase } }), 404, 'backup_not_found');
    expect((await call(app, 'post', '/restore/latest', { body: { confirm: phrase } })).status).toBe(200);
    expect((await call(app, 'post', '/create', { body })).status).toBe(201);
    expect((await call(app, 'post', '/create', { body, headers: { Prefer: 'respond-async' } })).status).toBe(202);
    refused(await call(app, 'post', '/create', { body }), 3_600);
  });

  it('a create that failed has used up its hour', async () => {
    const service = { requiredTables: ['missing'] };
    const app = await startApp({ express, service, router: { rateLimit: { create: { limit: 1 } } } });
    problemOf(await call(app, 'post', '/create', { body: {} }), 422, 'source_damaged');
    refused(await call(app, 'post', '/create', { body: {} }), 3_600);
  });

  it('a HEAD of a download is no download', async () => {
    const app = await startApp({ express, router: { rateLimit: { download: { limit: 1 } } } });
    await createOne(app);
    for (let count = 0; count < 3; count++) expect((await call(app, 'head', '/download/latest')).status).toBe(200);
    expect((await call(app, 'get', '/download/latest')).status).toBe(200);
    refused(await call(app, 'get', '/download/latest'), 3_600);
  });

  it('two routers do not share their counts, and `false` switches one or all off', async () => {
    const { service } = createWorkspace({ live: { rows: 5 } });
    const app = express();
    const authenticate = (): { id: string; roles: string[] } => ({ id: 'me', roles: ['DEVELOPER'] });
    const limited = { authenticate, rateLimit: { create: { limit: 1 } } };
    app.use('/a', backupRouter(service, limited));
    app.use('/b', backupRouter(service, limited));
    app.use('/c', backupRouter(service, { authenticate, rateLimit: { create: false } }));
    app.use('/d', backupRouter(service, { authenticate, rateLimit: false }));
    const origin = await serve(app);
    const create = (path: string) => call({ api: origin + path }, 'post', '/create', { body: {} });
    for (const path of ['/a', '/b']) {
      expect((await create(path)).status).toBe(201);
      refused(await create(path), 3_600);
    }
    for (const path of ['/c', '/d']) {
      for (let count = 0; count < 12; count++) {
        const answer = await create(path);
        expect(answer.status).toBe(201);
        expect(answer.headers.ratelimit).toBeUndefined();
      }
    }
  });
});

interface Guarded {
  readonly origin: string;
  /** How often the host was asked who calls. */
  readonly asked: () => number;
  from(address: string | null, authorization?: string): Promise<Response>;
}

/** An app that knows one token, `right`. */
async function startGuarded(
  express: (typeof expressVersions)[number][1],
  trustProxy: unknown,
  rateLimit: BackupRouterOptions['rateLimit'],
  outcome = (request: IncomingMessage): Promise<boolean> => Promise.resolve(request.headers.authorization === 'right'),
): Promise<Guarded> {
  const { service } = createWorkspace({ live: { rows: 5 } });
  let asked = 0;
  const authenticate = async (request: IncomingMessage) => {
    asked++;
    return (await outcome(request)) ? { id: 'me', roles: ['DEVELOPER'] } : null;
  };
  const app = express();
  app.set('trust proxy', trustProxy);
  app.use('/api', backupRouter(service, { authenticate, ...(rateLimit !== undefined && { rateLimit }) }));
  const origin = await serve(app);
  const from: Guarded['from'] = (address, authorization = 'wrong') =>
    fetch(`${origin}/api/status`, {
      headers: { Authorization: authorization, ...(address !== null && { 'X-Forwarded-For': address }) },
    });
  return { origin, asked: () => asked, from };
}

const statuses = async (answers: readonly Promise<Response>[]): Promise<number[]> =>
  (await Promise.all(answers)).map(({ status }) => status);
const times = <Result>(count: number, make: (index: number) => Result): Result[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe.each(expressVersions)('%s: rateLimit.failedAuth', (_version, express) => {
  it('refuses what fails from an address that failed too often, until the window is over, and never who proves to be known', async () => {
    const app = await startApp({ express, router: { rateLimit: { failedAuth: { limit: 3, windowMs: 60_000 } } } });
    for (let left = 2; left >= 0; left--) {
      const answer = await call(app, 'get', '/list', forged);
      problemOf(answer, 401, 'unauthenticated');
      expect(told(answer.headers, 'failedAuth')).toMatchObject({ left, quota: 3, window: 60 });
    }
    refused(await call(app, 'get', '/list', forged), 60);
    expect(refused(await call(app, 'get', '/list', forged), 60).detail).toContain('3 failed authentications');
    expect((await call(app, 'get', '/list')).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    problemOf(await call(app, 'get', '/list', forged), 401, 'unauthenticated');
  });

  it('takes by default 20 failures in 15 minutes, on whichever route', async () => {
    const { origin } = await startGuarded(express, false, undefined);
    const paths: [Method, string][] = [
      ['get', '/list'],
      ['post', '/create'],
      ['delete', '/x.db'],
      ['get', '/download/%ff'],
    ];
    for (let count = 0; count < 20; count++) {
      const [method, path] = paths[count % paths.length] ?? ['get', '/list'];
      problemOf(await call({ api: `${origin}/api` }, method, path, { role: null }), 401, 'unauthenticated');
    }
    for (const [method, path] of paths)
      refused(await call({ api: `${origin}/api` }, method, path, { role: null }), 900);
    expect(rateLimitDefaults.failedAuth).toEqual({ limit: 20, windowMs: 900_000 });
  });

  it('does not count who succeeds, however many at once', async () => {
    const { from, asked } = await startGuarded(express, false, { failedAuth: { limit: 1 } }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return true;
    });
    expect(new Set(await statuses(times(100, () => from(null))))).toEqual(new Set([200]));
    expect(asked()).toBe(100);
  });

  it('lets the right caller in after a hundred wrong tokens, many of them at once', async () => {
    const { from } = await startGuarded(express, false, { failedAuth: { limit: 5 } }, async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return request.headers.authorization === 'right';
    });
    const answered = await statuses(times(100, () => from(null)));
    expect(answered.filter((status) => status === 401)).toHaveLength(5);
    expect(answered.filter((status) => status === 429)).toHaveLength(95);
    expect((await from(null, 'right')).status).toBe(200);
    expect((await from(null)).status).toBe(429);
  });

  it('is not escaped by an X-Forwarded-For of the client', async () => {
    const { from } = await startGuarded(express, false, { failedAuth: { limit: 2 } });
    for (let host = 1; host <= 2; host++) expect((await from(`10.0.0.${host}`)).status).toBe(401);
    for (let host = 3; host <= 6; host++) expect((await from(`10.0.0.${host}`)).status).toBe(429);
  });

  it('behind a proxy that is trusted each client is counted by itself, and can only speak for itself', async () => {
    const { from } = await startGuarded(express, 'loopback', { failedAuth: { limit: 1 } });
    expect((await from('203.0.113.1')).status).toBe(401);
    expect((await from('203.0.113.1')).status).toBe(429);
    // The proxy appends whom it saw; what the client itself wrote stands before that.
    expect((await from('203.0.113.9, 203.0.113.1')).status).toBe(429);
    expect((await from('203.0.113.1, 203.0.113.2')).status).toBe(401);
    expect((await from('203.0.113.2')).status).toBe(429);
  });

  it('counts a subnet of IPv6 as one, and IPv4 within IPv6 as IPv4', async () => {
    const { from } = await startGuarded(express, 'loopback', { failedAuth: { limit: 1 } });
    expect((await from('2001:db8:1:100::1')).status).toBe(401);
    expect((await from('2001:db8:1:1ff:ffff::2')).status).toBe(429);
    expect((await from('2001:db8:1:200::1')).status).toBe(401);
    expect((await from('::ffff:198.51.100.7')).status).toBe(401);
    expect((await from('198.51.100.7')).status).toBe(429);
    expect((await from('::ffff:198.51.100.8')).status).toBe(401);
  });

  it.each(['unknown', 'x'.repeat(4_000), '999.1.1.1', '<script>', '_hidden', 'fe80::1%eth0', '198.51.100.7:80'])(
    'takes no harm from the X-Forwarded-For %j of a trusted proxy',
    async (address) => {
      const { from } = await startGuarded(express, 'loopback', { failedAuth: { limit: 1 } });
      expect((await from(address)).status).toBe(401);
      expect((await from(address)).status).toBe(429);
    },
  );

  it('a fault of authenticate() is no failed authentication', async () => {
    const { service, internalErrors } = createWorkspace();
    const authenticate = () => Promise.reject(new Error('the database of users is away'));
    const app = express();
    app.use('/api', backupRouter(service, { authenticate, rateLimit: { failedAuth: { limit: 1 } } }));
    const api = `${await serve(app)}/api`;
    for (let count = 0; count < 3; count++) problemOf(await call({ api }, 'get', '/list'), 500, 'internal_error');
    expect(internalErrors.splice(0)).toHaveLength(3);
  });

  it('says nothing on the console, whatever is sent and however the router is mounted', async () => {
    const said: unknown[] = [];
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
      vi.spyOn(console, method).mockImplementation((...words) => void said.push(words));
    const { service } = createWorkspace({ live: { rows: 5 } });
    const authenticate = (request: IncomingMessage) =>
      request.headers.authorization === 'right' ? { id: 'me', roles: ['DEVELOPER'] } : null;
    for (const trust of [true, false]) {
      const app = express();
      app.set('trust proxy', trust);
      app.use('/once', backupRouter(service, { authenticate }));
      app.use('/each', (request, response, next) => backupRouter(service, { authenticate })(request, response, next));
      const origin = await serve(app);
      for (const path of ['/once', '/each']) {
        for (const Authorization of ['right', 'wrong', 'right']) {
          const headers = { Authorization, 'X-Forwarded-For': '10.0.0.1, x', Forwarded: 'for=10.0.0.2' };
          await fetch(`${origin}${path}/create`, { method: 'POST', headers });
        }
      }
    }
    vi.restoreAllMocks();
    expect(said).toEqual([]);
  });
});
