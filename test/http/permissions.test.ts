import { type BackupRouterOptions, backupRouter, createBackupService } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { type Route, routes } from '../../dist/http/routes.js';
import { type Permission, routerDefaults } from '../../dist/options/router-options.js';
import { problemOf } from '../helpers/contract.js';
import { as, expressVersions, type HttpApp, startApp } from '../helpers/http-app.js';
import { rawRequest } from '../helpers/raw-request.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const permissions = Object.keys(routerDefaults.permissions) as Permission[];

/** A request that passes the permission and then has nothing to do: a wrong body, or a name that is not there. */
async function reaches(app: HttpApp, { method, path, body }: Route, role: string): Promise<boolean> {
  const filled = path.replace(':filename', 'missing.db').replace(':id', 'missing');
  const content = body === 'json' ? '{"unknown":true}' : '';
  const headers = { ...as(role), 'Content-Type': 'application/json' };
  const answer = await rawRequest(app.origin, method.toUpperCase(), `/api/backup${filled}`, headers, content);
  if (answer.status === 403) return problemOf(answer, 403, 'forbidden').code !== 'forbidden';
  expect([200, 400, 404]).toContain(answer.status);
  return true;
}

async function routesOpenTo(app: HttpApp, role: string): Promise<string[]> {
  const open = [];
  for (const route of routes) if (await reaches(app, route, role)) open.push(`${route.method} ${route.path}`);
  return open;
}

const routesOf = (...names: readonly string[]): string[] =>
  routes.filter(({ permission }) => names.includes(permission)).map(({ method, path }) => `${method} ${path}`);

describe('permissions', () => {
  it('every permission guards a route', () => {
    expect(permissions.filter((permission) => routesOf(permission).length === 0)).toEqual([]);
  });

  it('are by default those of the contract', async () => {
    const app = await startApp();
    const admin = ['create', 'read', 'download', 'verify', 'cleanup', 'delete', 'audit'];
    expect(await routesOpenTo(app, 'ADMIN')).toEqual(routesOf(...admin));
    expect(await routesOpenTo(app, 'DEVELOPER')).toEqual(routesOf(...admin, 'restore', 'upload'));
    expect(await routesOpenTo(app, 'USER')).toEqual([]);
  });

  it.each(permissions)('the host can give %s to another role, and to it alone', async (permission) => {
    const app = await startApp({ router: { permissions: { [permission]: ['AUDITOR'] } } });
    expect(await routesOpenTo(app, 'AUDITOR')).toEqual(routesOf(permission));
    expect(await routesOpenTo(app, 'DEVELOPER')).toEqual(
      routesOf(...permissions.filter((other) => other !== permission)),
    );
  });

  it.each(permissions)('no role at all switches %s off', async (permission) => {
    const app = await startApp({ router: { permissions: { [permission]: [] } } });
    for (const role of ['ADMIN', 'DEVELOPER']) {
      expect(await routesOpenTo(app, role)).not.toEqual(expect.arrayContaining(routesOf(permission).slice(0, 1)));
    }
  });
});

describe.each(expressVersions)('%s', (_version, express) => {
  it.each([
    '/API/BACKUP/LIST',
    '/Api/Backup/List/',
    '/api/backup/list/',
    '/api/backup/list?token=x',
    '/api/BACKUP/lIsT',
  ])('asks for the same token at %s', async (path) => {
    const app = await startApp({ express });
    problemOf(await rawRequest(app.origin, 'GET', path), 401, 'unauthenticated');
    problemOf(await rawRequest(app.origin, 'GET', path, as('USER')), 403, 'forbidden');
  });

  it('asks for a token before it says that a path cannot be decoded', async () => {
    const app = await startApp({ express });
    problemOf(await rawRequest(app.origin, 'GET', '/api/backup/download/%ff'), 401, 'unauthenticated');
    problemOf(await rawRequest(app.origin, 'DELETE', '/api/backup/%E0%A4%A', as('USER')), 403, 'forbidden');
  });

  it('asks for a token before it looks at the body', async () => {
    const app = await startApp({ express });
    const headers = { 'Content-Type': 'application/json' };
    problemOf(await rawRequest(app.origin, 'POST', '/api/backup/create', headers, '{{{'), 401, 'unauthenticated');
    problemOf(
      await rawRequest(app.origin, 'POST', '/api/backup/create', headers, `"${'x'.repeat(20_000)}"`),
      401,
      'unauthenticated',
    );
  });
});

const nobody = (): null => null;

describe('backupRouter', () => {
  it.each([
    ['no options', undefined, 'the options of backupRouter'],
    ['no authenticate', {}, '`authenticate`'],
    ['authenticate that is no function', { authenticate: true }, '`authenticate`'],
    ['a misspelt option', { authenticate: nobody, permission: {} }, '`permission`'],
    ['a misspelt permission', { authenticate: nobody, permissions: { remove: [] } }, '`remove`'],
    ['a role that is no text', { authenticate: nobody, permissions: { read: [1] } }, '`permissions.read.0`'],
    ['an empty phrase', { authenticate: nobody, confirmationPhrase: '' }, '`confirmationPhrase`'],
  ])('throws at creation for %s, and says what it got', async (_what, options, named) => {
    const folder = temporaryFolder();
    const service = createBackupService({ database: `${folder}/app.db`, directory: `${folder}/backups` });
    expect(() => backupRouter(service, options as unknown as BackupRouterOptions)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(named) }),
    );
    await service.close();
  });
});
