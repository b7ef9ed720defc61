import { renameSync, writeFileSync } from 'node:fs';
import express5 from 'express';
import { type HealthRouterOptions, healthRouter, jwtAuth, maintenanceGate } from 'express-db-backup';
import supertest from 'supertest';
import { describe, expect, it } from 'vitest';
import { as, expressVersions, jwtSecret, serve } from '../helpers/http-app.js';
import { createWorkspace, type WorkspaceOptions } from '../helpers/workspace.js';

const authenticate = jwtAuth({ secret: jwtSecret });

async function startHealth(
  options: HealthRouterOptions = { authenticate },
  { express = express5, ...workspace }: WorkspaceOptions & { express?: typeof express5 } = {},
) {
  const made = createWorkspace({
    ...workspace,
    service: { requiredTables: ['items'], minimumRows: { items: 1 }, ...workspace.service },
  });
  const app = express();
  app.use('/health', healthRouter(made.service, options));
  const origin = await serve(app);
  const get = (path: string, role?: string) => {
    const request = supertest(origin).get(`/health${path}`);
    return role === undefined ? request : request.set(as(role));
  };
  return { ...made, get, origin };
}

describe.each(expressVersions)('with %s', (_version, express) => {
  it('tells those who may know everything, in the shape of the contract', async () => {
    const { get, service } = await startHealth(undefined, { express });
    const { filename } = await service.create();
    const { status, body, headers } = await get('/', 'ADMIN');
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(Object.keys(body).sort()).toEqual(['backups', 'checks', 'database', 'message', 'status']);
    expect(body).toMatchObject({
      status: 'healthy',
      checks: {
        database_exists: true,
        schema_valid: true,
        has_items: true,
        backup_fresh: true,
        backup_verified: true,
        disk_space: true,
        last_operation: true,
      },
      database: { exists: true, schema_valid: true, missing_tables: [], table_counts: { items: 500, commits: 0 } },
      backups: { lastSuccessAt: (await service.get(filename)).createdAt, count: 1 },
    });
    expect(body.backups.ageSeconds).toBeLessThan(60);
  });

  it('answers a ping, and 404 elsewhere', async () => {
    const { get } = await startHealth(undefined, { express });
    expect((await get('/ping')).body).toEqual({ status: 'ok', message: 'pong' });
    expect((await get('/elsewhere')).status).toBe(404);
  });

  it('takes a path as Express does, and no other method', async () => {
    const { get, origin } = await startHealth(undefined, { express });
    for (const path of ['', '/', '/?probe=1', '/Database/', '/PING']) expect((await get(path)).status).toBe(200);
    expect((await supertest(origin).head('/health/database')).status).toBe(200);
    expect((await supertest(origin).post('/health')).status).toBe(404);
    expect((await get('/%ff')).status).not.toBe(200);
  });
});

describe('whoever has no valid token', () => {
  it.each([
    ['none', {}],
    ['a forged one', { Authorization: 'Bearer a.b.c' }],
    ['one of another role', as('CUSTOMER')],
  ])('(%s) learns the status and no name or number', async (_what, headers) => {
    const { origin, databaseFile, database } = await startHealth();
    database.close();
    renameSync(databaseFile, `${databaseFile}.away`);
    for (const path of ['/health', '/health/database']) {
      const { status, body } = await supertest(origin).get(path).set(headers);
      expect([status, body]).toEqual([
        503,
        {
          status: 'critical',
          message: 'The application cannot work with its database. Run: npx express-db-backup doctor',
        },
      ]);
    }
  });

  it('is told what needs attention, the database, its backups or both, as it is', async () => {
    const { get, service, database } = await startHealth({ authenticate }, { live: { wal: false } });
    const messages = async (): Promise<string[]> => {
      const bodies = [(await get('/')).body, (await get('/database')).body];
      for (const body of bodies) expect(Object.keys(body)).toEqual(['status', 'message']);
      return bodies.map(({ message }) => message.replace(' Run: npx express-db-backup doctor', ''));
    };
    const [isWell, needsAttention] = ['The database is well.', 'The database needs attention.'];
    database.exec('BEGIN EXCLUSIVE');
    expect(await messages()).toEqual(['The database and its backups need attention.', needsAttention]);
    database.exec("INSERT INTO commits VALUES ('a'); COMMIT");
    await expect.poll(messages).toEqual(['The database works, but its backups need attention.', isWell]);
    await service.create();
    await expect.poll(messages).toEqual(['The database and its backups are well.', isWell]);
    database.exec('DELETE FROM commits');
    await service.create();
    await expect.poll(messages).toEqual([needsAttention, needsAttention]);
  });

  it('learns everything where the host says so', async () => {
    const { get } = await startHealth({ details: 'public' });
    expect(Object.keys((await get('/')).body)).toContain('checks');
  });

  it('keeps nobody from the status by a fault of the host', async () => {
    const fault = new Error('a fault of the host');
    const { get, internalErrors } = await startHealth({
      authenticate: () => {
        throw fault;
      },
    });
    expect((await get('/', 'ADMIN')).body).toMatchObject({ status: 'degraded' });
    expect(internalErrors.splice(0)).toEqual([fault]);
  });
});

describe('it is 503', () => {
  it.each(['/', '/database'])('on %s when the file is missing, and 200 as soon as it is back', async (path) => {
    const { get, databaseFile, database } = await startHealth();
    expect((await get(path, 'ADMIN')).status).toBe(200);
    database.close();
    renameSync(databaseFile, `${databaseFile}.away`);
    const { status, body } = await get(path, 'ADMIN');
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: 'critical', database: { exists: false, schema_valid: false } });
    renameSync(`${databaseFile}.away`, databaseFile);
    expect((await get(path, 'ADMIN')).status).toBe(200);
  });

  it('when the file is no database', async () => {
    const { get, databaseFile, database } = await startHealth({ authenticate }, { live: { wal: false } });
    database.close();
    writeFileSync(databaseFile, 'This is no database, and it is long enough to be read as one. '.repeat(100));
    const { status, body } = await get('/database', 'ADMIN');
    expect([status, body.database.exists, body.checks.database_readable]).toEqual([503, true, false]);
  });

  it('when required tables or rows are gone, by the next request', async () => {
    const { get, database } = await startHealth();
    expect((await get('/database', 'ADMIN')).status).toBe(200);
    database.exec('DELETE FROM items');
    expect((await get('/database', 'ADMIN')).body).toMatchObject({ status: 'critical', checks: { rows_items: false } });
    database.exec('DROP TABLE items');
    expect((await get('/database', 'ADMIN')).body).toMatchObject({
      status: 'critical',
      database: { exists: true, schema_valid: false, missing_tables: ['items'] },
    });
  });
});

describe('it is degraded, with 200', () => {
  it('when there is no backup; the database alone is well', async () => {
    const { get } = await startHealth();
    const { status, body } = await get('/', 'DEVELOPER');
    expect([status, body.status, body.message]).toEqual([
      200,
      'degraded',
      'There is no backup. Run: npx express-db-backup create',
    ]);
    expect((await get('/database', 'DEVELOPER')).body).toMatchObject({
      status: 'healthy',
      message: 'The database is well.',
    });
  });

  it('when the last backup failed, and no longer when the next succeeds', async () => {
    const { get, service, database } = await startHealth();
    await service.create();
    database.exec('ALTER TABLE items RENAME TO moved');
    await expect(service.create()).rejects.toMatchObject({ code: 'source_damaged' });
    database.exec('ALTER TABLE moved RENAME TO items');
    const { body } = await get('/', 'ADMIN');
    expect([body.status, body.checks.last_operation]).toEqual(['degraded', false]);
    await service.create();
    expect((await get('/', 'ADMIN')).body.status).toBe('healthy');
  });

  it('while the database is locked', async () => {
    const { get, database } = await startHealth({ authenticate }, { live: { wal: false } });
    database.exec('BEGIN EXCLUSIVE');
    const { body } = await get('/database', 'ADMIN');
    expect(body).toMatchObject({
      status: 'degraded',
      checks: { database_unlocked: false },
      database: { exists: true },
    });
    database.exec('COMMIT');
  });
});

it('a gate that is closed does not hold it off', async () => {
  const { service } = createWorkspace();
  const app = express5();
  app.use(maintenanceGate({ underMaintenance: () => true }));
  app.use('/health', healthRouter(service));
  app.get('/', (_request, response) => void response.send('open'));
  const origin = await serve(app);
  expect((await supertest(origin).get('/')).status).toBe(503);
  expect((await supertest(origin).get('/health/ping')).status).toBe(200);
});

it('answers on a port of its own, without Express', async () => {
  const { service } = createWorkspace();
  await service.create();
  const origin = await serve(healthRouter(service, { details: 'public' }));
  expect((await supertest(origin).get('/')).body).toMatchObject({ status: 'healthy', backups: { count: 1 } });
  expect((await supertest(origin).get('/database?now')).body.status).toBe('healthy');
  expect((await supertest(origin).get('/ping')).body.message).toBe('pong');
  for (const path of ['/elsewhere', '//', '/database/more'])
    expect((await supertest(origin).get(path)).status).toBe(404);
  expect((await supertest(origin).delete('/')).status).toBe(404);
});

it.each([[{ details: 'all' }], [{ authenticate: 'jwt' }], [{ unknown: 1 }]])('%j is refused', (options) => {
  const { service } = createWorkspace();
  expect(() => healthRouter(service, options as never)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
});
