import type { Principal } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { acceptedSchema, bodyOf, listSchema, problemOf } from '../helpers/contract.js';
import { call, createOne, expressVersions, startApp } from '../helpers/http-app.js';

const developer: Principal = { id: 'dev', roles: ['DEVELOPER'] };

describe.each(expressVersions)("%s: the host's own authenticate", (_version, express) => {
  it.each([
    ['null', () => null],
    ['a promise of null', async () => null],
    ['undefined', () => undefined],
    ['false', () => false],
  ])('that returns %s lets nobody in', async (_what, authenticate) => {
    const app = await startApp({ express, router: { authenticate: authenticate as () => Principal | null } });
    problemOf(await call(app, 'get', '/list'), 401, 'unauthenticated');
  });

  it.each([
    ['at once', () => developer],
    ['later', async () => developer],
  ])('says %s who calls, and the record names that caller', async (_what, authenticate) => {
    const app = await startApp({ express, router: { authenticate } });
    bodyOf(await call(app, 'get', '/list', { role: null }), 200, listSchema);
    expect((await createOne(app)).createdBy).toBe('dev');
  });

  it('is given the request', async () => {
    const app = await startApp({
      express,
      router: { authenticate: ({ headers }) => (headers['x-key'] === 'right' ? developer : null) },
    });
    problemOf(await call(app, 'get', '/list', { headers: { 'X-Key': 'wrong' } }), 401, 'unauthenticated');
    bodyOf(await call(app, 'get', '/list', { headers: { 'X-Key': 'right' } }), 200, listSchema);
  });

  const fault = new Error('the directory at ldap://internal:389 is down, password hunter2');
  it.each([
    [
      'throws',
      () => {
        throw fault;
      },
    ],
    ['rejects', () => Promise.reject(fault)],
  ])('that %s is an internal error of which only the host learns the cause', async (_what, authenticate) => {
    const app = await startApp({ express, router: { authenticate } });
    const told: { instance: string | null; error: unknown }[] = [];
    app.service.on('internal.error', (fault) => told.push(fault));
    const answer = await call(app, 'post', '/create', { body: {} });
    const problem = problemOf(answer, 500, 'internal_error');
    expect(problem.instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect(answer.text).not.toMatch(/ldap|hunter2/);
    expect(told).toEqual([{ instance: problem.instance, error: expect.objectContaining({ cause: fault }) }]);
    expect((await app.service.list()).total).toBe(0);
    app.internalErrors.length = 0;
  });

  it.each([
    ['true', true],
    ['no id', { roles: ['DEVELOPER'] }],
    ['an empty id', { id: '', roles: ['DEVELOPER'] }],
    ['roles in one text', { id: 'dev', roles: 'DEVELOPER' }],
    ['no roles', { id: 'dev' }],
  ])('that returns something that is no principal (%s) admits nobody', async (_what, principal) => {
    const app = await startApp({ express, router: { authenticate: () => principal as Principal } });
    problemOf(await call(app, 'get', '/list'), 500, 'internal_error');
    expect(app.internalErrors).toEqual([
      expect.objectContaining({ message: expect.stringContaining('authenticate()') }),
    ]);
    app.internalErrors.length = 0;
  });

  it('stays in charge of an operation that was started for a caller', async () => {
    const app = await startApp({ express, router: { authenticate: () => developer } });
    const headers = { Prefer: 'respond-async' };
    const { operation } = bodyOf(await call(app, 'post', '/create', { headers, body: {} }), 202, acceptedSchema);
    expect(operation).toMatchObject({ type: 'create', startedBy: 'dev' });
  });
});
