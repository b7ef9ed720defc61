import { describe, expect, it } from 'vitest';
import { type Route, routes } from '../../dist/http/routes.js';
import { routerDefaults } from '../../dist/options/router-options.js';
import { contentButAudit } from '../helpers/audit.js';
import type { Answer } from '../helpers/contract.js';
import { problemOf } from '../helpers/contract.js';
import { contentBelow } from '../helpers/file-tree.js';
import { as, createOne, expressVersions, type HttpApp, jwtSecret, phrase, startApp } from '../helpers/http-app.js';
import { rawRequest } from '../helpers/raw-request.js';

/** Everything a route could want, so that nothing but the missing permission keeps it from its work. */
const form = [
  '--edge',
  'Content-Disposition: form-data; name="file"; filename="x.db"',
  '',
  'content',
  '--edge--',
  '',
].join('\r\n');
const bodies: Record<Route['body'], { type: string; of: (path: string) => string }> = {
  none: { type: 'text/plain', of: () => '' },
  json: { type: 'application/json', of: (path) => JSON.stringify(path.includes('restore') ? { confirm: phrase } : {}) },
  multipart: { type: 'multipart/form-data; boundary=edge', of: () => form },
};
const forged = `${as('DEVELOPER').Authorization.slice(0, -43)}${'A'.repeat(43)}`;
const roles = ['ADMIN', 'DEVELOPER', 'developer', 'USER'];
const lacking = ({ permission }: Route): string[] =>
  roles.filter((role) => !(routerDefaults.permissions[permission] as readonly string[]).includes(role));
const cases = expressVersions.flatMap(([version, express]) =>
  routes.map((route) => ({ version, express, route, name: `${route.method.toUpperCase()} ${route.path}` })),
);

function send(app: HttpApp, route: Route, path: string, authorization?: string): Promise<Answer> {
  const { type, of } = bodies[route.body];
  const headers = { 'Content-Type': type, ...(authorization !== undefined && { Authorization: authorization }) };
  return rawRequest(app.origin, route.method.toUpperCase(), path, headers, of(route.path));
}

/** The same request for something that is there and for something that is not. */
async function paths(app: HttpApp, { path }: Route): Promise<string[]> {
  const { filename } = await createOne(app);
  const { operation } = await app.service.status();
  const [id = operation?.id ?? ''] = Object.keys(contentBelow(`${app.directory}/.state/operations`));
  const fill = (name: string, identifier: string): string =>
    `/api/backup${path.replace(':filename', name).replace(':id', identifier)}`;
  return [
    fill(filename, id.replace('.json', '')),
    fill('app_backup_2020-01-01_00-00-00.db', '20200101T000000000Z-000000000000'),
  ];
}

const strangers = [undefined, forged, `Bearer ${jwtSecret}`, 'Basic YWRtaW46YWRtaW4='];

/** Neither the path nor the token may show in the answer, save as the path that was asked for. */
async function expectSameAnswer(
  app: HttpApp,
  route: Route,
  asked: readonly string[],
  tokens: readonly (string | undefined)[],
  status: 401 | 403,
): Promise<void> {
  const answers = new Set<string>();
  for (const path of asked) {
    for (const token of tokens) {
      const answer = await send(app, route, path, token);
      problemOf(answer, status, status === 401 ? 'unauthenticated' : 'forbidden');
      expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
      answers.add(answer.text.replace(path, '<path>'));
    }
  }
  expect(answers.size).toBe(1);
}

async function expectLetIn(app: HttpApp, route: Route, path: string): Promise<void> {
  const [role] = routerDefaults.permissions[route.permission];
  if (route.path === '/restore/undo') await app.service.restore('latest');
  const query = route.path === '/compare' ? '?from=latest&to=live' : '';
  const answer = await send(app, route, path + query, as(role).Authorization);
  // The form brings a file that is no database; everything else succeeds.
  if (route.body === 'multipart') problemOf(answer, 422, 'backup_damaged');
  else expect(answer.status).toBeLessThan(300);
}

it.each(expressVersions)('%s: HEAD asks for the same token as GET', async (_version, express) => {
  const app = await startApp({ express });
  const { filename } = await createOne(app);
  for (const { path } of routes.filter(({ method }) => method === 'get')) {
    const target = `/api/backup${path.replace(':filename', filename)}`;
    const answer = await rawRequest(app.origin, 'HEAD', target);
    expect(answer).toMatchObject({ status: 401, text: '', headers: { 'www-authenticate': 'Bearer' } });
  }
});

describe.each(cases)('$version: $name', ({ express, route }) => {
  it('does and tells nothing without a valid token and the permission, and works with them', async () => {
    const app = await startApp({ express });
    const asked = await paths(app, route);
    const before = contentButAudit(app.folder);
    const operations: unknown[] = [];
    app.service.on('operation', (operation) => operations.push(operation));
    await expectSameAnswer(app, route, [...asked, ...asked.map((path) => `${path}/`)], strangers, 401);
    expect(lacking(route)).not.toEqual([]);
    await expectSameAnswer(
      app,
      route,
      asked,
      lacking(route).map((role) => as(role).Authorization),
      403,
    );
    expect(operations).toEqual([]);
    expect(contentButAudit(app.folder)).toEqual(before);
    await expectLetIn(app, route, asked[0] ?? '');
  });
});
