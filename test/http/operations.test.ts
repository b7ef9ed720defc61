import { describe, expect, it } from 'vitest';
import {
  acceptedSchema,
  backupSchema,
  bodyOf,
  problemOf,
  type problemSchema,
  receiptSchema,
  statusSchema,
  verifySchema,
} from '../helpers/contract.js';
import { holdEngine } from '../helpers/held-engine.js';
import { call, createOne, expressVersions, type HttpApp, phrase, startApp } from '../helpers/http-app.js';
import { generations, setGeneration } from '../helpers/live-database.js';
import { openService, stagedFiles, storedBackups } from '../helpers/workspace.js';

const headers = { Prefer: 'respond-async' };

/** The operation at the `Location` of a 202, once it has ended. */
async function followed(app: HttpApp, path: string, body: object) {
  const answer = await call(app, 'post', path, { body, headers });
  const { operation } = bodyOf(answer, 202, acceptedSchema);
  expect(operation).toMatchObject({ state: 'running', finishedAt: null, result: null, problem: null });
  expect(answer.headers['preference-applied']).toBe('respond-async');
  const location = new URL(answer.headers.location ?? '', `${app.api}${path}`).href;
  expect(location).toBe(`${app.api}/operations/${operation.id}`);
  const read = async () => {
    const told = await call(app, 'get', `/operations/${operation.id}`, { role: 'ADMIN' });
    return bodyOf(told, 200, acceptedSchema).operation;
  };
  await expect.poll(async () => (await read()).state).not.toBe('running');
  return read();
}

describe.each(expressVersions)('%s: Prefer: respond-async', (_version, express) => {
  it('answers create, verify and restore with 202 and an operation that ends with their result', async () => {
    const app = await startApp({ express });
    const created = await followed(app, '/create', { notes: 'later' });
    expect(created).toMatchObject({ type: 'create', state: 'succeeded', startedBy: 'developer@example.com' });
    const { filename } = backupSchema.parse(created.result);
    expect(storedBackups(app.directory)).toEqual([filename]);
    setGeneration(app.database, 'second');
    const verified = await followed(app, `/verify/${filename}`, { level: 'quick' });
    expect(verifySchema.parse(verified.result)).toMatchObject({ filename, ok: true, level: 'quick' });
    const restored = await followed(app, '/restore/latest', { confirm: phrase });
    expect(receiptSchema.parse(restored.result)).toMatchObject({ restored: filename });
    expect(restored.finishedAt).not.toBeNull();
    expect(generations(app.database)).toBe('first:500');
  });

  it('tells a failure in the operation, with its problem', async () => {
    const app = await startApp({ express, service: { requiredTables: ['missing'] } });
    const failed = await followed(app, '/create', {});
    expect(failed).toMatchObject({ state: 'failed', result: null });
    expect(failed.problem).toMatchObject({ code: 'source_damaged', status: 422 } satisfies Partial<
      (typeof problemSchema)['_output']
    >);
  });

  it('is told at once of what can be known at once', async () => {
    const { service, begun, release } = holdEngine('snapshot');
    const app = await startApp({ express, service });
    problemOf(await call(app, 'post', '/verify/missing.db', { body: {}, headers }), 404, 'backup_not_found');
    problemOf(await call(app, 'post', '/restore/latest', { body: {}, headers }), 400, 'confirmation_required');
    problemOf(await call(app, 'post', '/create', { body: { notes: 1 }, headers }), 400, 'invalid_request');
    const running = app.service.create();
    await begun;
    problemOf(await call(app, 'post', '/create', { body: {}, headers }), 409, 'operation_in_progress');
    release();
    await running;
  });
});

describe('Prefer', () => {
  it.each(['respond-async; wait=10', 'wait=10, respond-async', 'Respond-Async'])('understands %s', async (Prefer) => {
    const app = await startApp();
    const answer = await call(app, 'post', '/create', { body: {}, headers: { Prefer } });
    bodyOf(answer, 202, acceptedSchema);
  });

  it.each(['', 'return=minimal', 'respond-asynchronously', '"respond-async"'])(
    'answers with the outcome for %j',
    async (Prefer) => {
      const app = await startApp();
      expect((await call(app, 'post', '/create', { body: {}, headers: { Prefer } })).status).toBe(201);
    },
  );
});

describe.each(expressVersions)('%s: operations', (_version, express) => {
  it('GET /status tells of none while nothing runs', async () => {
    const app = await startApp({ express });
    expect(bodyOf(await call(app, 'get', '/status', { role: 'ADMIN' }), 200, statusSchema)).toEqual({
      operation: null,
      schedule: { enabled: false, nextRunAt: null, lastRunAt: null },
      maintenance: false,
    });
  });

  it.each([
    'missing',
    '20200101T000000000Z-000000000000',
    '..%2f..%2fvault',
    '%2e%2e',
    'x%00',
    '__proto__',
    'x'.repeat(3_000),
  ])('GET and DELETE of an operation that does not exist are 404: %s', async (id) => {
    const app = await startApp({ express });
    for (const method of ['get', 'delete'] as const)
      problemOf(await call(app, method, `/operations/${id}`), 404, 'operation_not_found');
  });

  it('DELETE cancels a restore that waits, which is undone, and frees the lock', async () => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    setGeneration(app.database, 'second');
    app.database.exec('BEGIN IMMEDIATE');
    const { operation } = bodyOf(
      await call(app, 'post', '/restore/latest', { body: { confirm: phrase }, headers }),
      202,
      acceptedSchema,
    );
    const answer = await call(app, 'delete', `/operations/${operation.id}`);
    expect(bodyOf(answer, 202, acceptedSchema).operation.id).toBe(operation.id);
    await expect.poll(async () => (await app.service.operation(operation.id)).state).toBe('cancelled');
    app.database.exec('COMMIT');
    expect(generations(app.database)).toBe('second:500');
    expect(storedBackups(app.directory)).toEqual([filename]);
    // It is told before its record is written, and the lock is freed after that.
    await expect.poll(() => stagedFiles(app.directory)).toEqual([]);
    await expect.poll(async () => (await call(app, 'post', '/create')).status).toBe(201);
  });

  it('DELETE of one that has ended leaves it as it ended', async () => {
    const app = await startApp({ express });
    const { id } = await followed(app, '/create', {});
    const { operation } = bodyOf(await call(app, 'delete', `/operations/${id}`), 202, acceptedSchema);
    expect(operation).toMatchObject({ id, state: 'succeeded' });
    expect(storedBackups(app.directory).length).toBe(1);
  });

  it('are seen and cancelled through another service on the same vault', async () => {
    const app = await startApp({ express });
    const { service } = openService({ database: app.databaseFile, directory: app.directory });
    await createOne(app);
    app.database.exec('BEGIN IMMEDIATE');
    const run = service.restore('latest', { by: 'elsewhere' });
    run.catch(() => undefined);
    const { id } = await run.started;
    const { operation } = bodyOf(await call(app, 'get', '/status'), 200, statusSchema);
    expect(operation).toMatchObject({ id, type: 'restore', startedBy: 'elsewhere' });
    const refused = problemOf(await call(app, 'post', '/create', { body: {} }), 409, 'operation_in_progress');
    expect(refused.operation).toMatchObject({ id, startedBy: 'elsewhere' });
    bodyOf(await call(app, 'delete', `/operations/${id}`), 202, acceptedSchema);
    await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
    app.database.exec('COMMIT');
    await createOne(app);
  });
});
