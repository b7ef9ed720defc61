import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type express5 from 'express';
import { backupRouter, jwtAuth, maintenanceGate } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { problemOf } from '../helpers/contract.js';
import { corruptMiddlePage } from '../helpers/damage.js';
import { readEvents } from '../helpers/event-client.js';
import { startFixture } from '../helpers/fixture-process.js';
import { as, call, createOne, expressVersions, jwtSecret, phrase, serve, startApp } from '../helpers/http-app.js';
import { openAgain } from '../helpers/live-database.js';
import { openSocket, rawRequest } from '../helpers/raw-request.js';
import { createWorkspace, openService, storedBackups } from '../helpers/workspace.js';

const headers = { Prefer: 'respond-async' };
const mostReaders = 200;

describe.each(expressVersions)('%s: GET /events', (_version, express) => {
  it('tells first the state as it is, then the phases of a create in their order, its end and its backup', async () => {
    const app = await startApp({ express, live: { rows: 20_000 } });
    const client = await readEvents(app);
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    await client.first('status');
    expect(client.text()).toMatch(/^retry: 3000\n\nevent: status\nid: /);
    expect(client.events[0]).toMatchObject({ name: 'status', data: { operation: null, maintenance: false } });
    const { filename } = await createOne(app);
    await client.first('backup', (backup) => backup.type === 'created' && backup.filename === filename);
    const told = client.events.flatMap((event) => (event.name === 'operation' ? event.data : []));
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    expect([...new Set(told.map(({ phase }) => phase))]).toEqual([
      'starting',
      'copying',
      'finishing',
      'verifying',
      'publishing',
      'done',
    ]);
    expect(told.at(-1)).toMatchObject({ type: 'create', state: 'succeeded', result: { filename }, problem: null });
    expect(told.filter(({ state }) => state !== 'running')).toHaveLength(1);
  });

  it('answers HEAD with its headers and no stream', async () => {
    const app = await startApp({ express });
    const answer = await rawRequest(app.origin, 'HEAD', '/api/backup/events', as('ADMIN'));
    expect(answer).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'text/event-stream' } });
  });

  it('ends when the service is closed, and answers 409 from then on', async () => {
    const app = await startApp({ express });
    const clients = await Promise.all([readEvents(app), readEvents(app)]);
    await Promise.all(clients.map((client) => client.first('status')));
    await app.service.close();
    await Promise.all(clients.map((client) => client.ended));
    problemOf(await call(app, 'get', '/events'), 409, 'operation_cancelled');
  });

  it('goes on while the gate holds everything else off', async () => {
    const workspace = createWorkspace();
    const { service } = workspace;
    await service.create();
    const app = (express as typeof express5)();
    app.use(maintenanceGate(service));
    app.use('/api/backup', backupRouter(service, { authenticate: jwtAuth({ secret: jwtSecret }) }));
    app.get('/', (_request, response) => void response.json('reached'));
    const origin = await serve(app as unknown as RequestListener);
    const before = await readEvents({ api: `${origin}/api/backup` });
    await before.first('status');
    const writer = openAgain(workspace.databaseFile);
    writer.exec('BEGIN IMMEDIATE');
    const run = service.restore('latest');
    await before.first('operation', ({ phase }) => phase === 'waiting for the write lock');
    expect((await fetch(origin)).status).toBe(503);
    const meanwhile = await readEvents({ api: `${origin}/api/backup` });
    expect((await meanwhile.first('status')).data).toMatchObject({ maintenance: true, operation: { type: 'restore' } });
    expect((await meanwhile.first('operation')).data).toMatchObject({ phase: 'waiting for the write lock' });
    writer.exec('COMMIT');
    await run;
    for (const client of [before, meanwhile])
      await client.first('operation', ({ type, state }) => type === 'restore' && state === 'succeeded');
  });

  it('reaches the reader through a middleware that holds back what it is not told to send', async () => {
    const { service } = createWorkspace();
    const app = (express as typeof express5)();
    app.use((_request, response, next) => {
      const held: unknown[] = [];
      const write = response.write.bind(response) as (chunk: unknown) => boolean;
      response.write = ((chunk: unknown) => held.push(chunk) > 0) as typeof response.write;
      Object.assign(response, { flush: () => held.splice(0).forEach((chunk) => void write(chunk)) });
      next();
    });
    app.use('/api/backup', backupRouter(service, { authenticate: jwtAuth({ secret: jwtSecret }) }));
    const client = await readEvents({ api: `${await serve(app as unknown as RequestListener)}/api/backup` });
    await client.first('status');
    await service.create();
    await client.first('operation', ({ state }) => state === 'succeeded');
  });
});

describe('GET /events', () => {
  it('tells of what became of backups: verified, damaged, removed by hand and by retention', async () => {
    const app = await startApp({ service: { retention: { keep: 2 } } });
    const names = [];
    for (const _ of [1, 2]) names.push((await createOne(app)).filename);
    const client = await readEvents(app);
    await client.first('status');
    const [first = '', second = ''] = names;
    await app.service.verify(second, { level: 'quick' });
    await client.first('backup', ({ type, filename }) => type === 'verified' && filename === second);
    corruptMiddlePage(join(app.directory, first));
    await app.service.verify(first, { level: 'quick' });
    await client.first('backup', ({ type, filename }) => type === 'damaged' && filename === first);
    const third = await createOne(app);
    await client.first('backup', ({ type, filename }) => type === 'created' && filename === third.filename);
    // The damaged one takes no sound one's place.
    const fourth = await createOne(app);
    await client.first('backup', ({ type, filename }) => type === 'removed' && filename === second);
    await app.service.remove(third.filename);
    await client.first('backup', ({ type, filename }) => type === 'removed' && filename === third.filename);
    expect(storedBackups(app.directory)).toEqual([first, fourth.filename].sort());
  });

  it('tells of a table that lost its rows, and of a failure with its problem', async () => {
    const app = await startApp({ live: { rows: 10 }, service: { requiredTables: ['items'] } });
    const { filename: previous } = await createOne(app);
    const client = await readEvents(app);
    app.database.exec('DELETE FROM items');
    const { filename } = await createOne(app);
    expect((await client.first('notice')).data).toEqual({
      type: 'table.shrank',
      table: 'items',
      filename,
      before: 10,
      after: 0,
      previous,
    });
    app.database.exec('DROP TABLE items');
    await call(app, 'post', '/create', { body: {} });
    const failed = await client.first('operation', ({ state }) => state === 'failed');
    expect(failed.data.problem).toMatchObject({ code: 'source_damaged' });
  });

  it('tells who connects again with Last-Event-ID what ended meanwhile, and what runs', async () => {
    const app = await startApp();
    const before = await readEvents(app);
    const { id } = await before.first('status');
    before.close();
    await before.ended;
    const { filename } = await createOne(app);
    app.database.exec('BEGIN IMMEDIATE');
    const restoring = await call(app, 'post', '/restore/latest', { body: { confirm: phrase }, headers });
    const after = await readEvents(app, { headers: { 'Last-Event-ID': id } });
    await after.first('operation', ({ type }) => type === 'restore');
    expect(after.events.slice(0, 2)).toMatchObject([
      { name: 'status', data: { operation: { type: 'restore' } } },
      { name: 'operation', data: { type: 'create', state: 'succeeded', result: { filename } } },
    ]);
    app.database.exec('COMMIT');
    await after.first('operation', ({ type, state }) => type === 'restore' && state === 'succeeded');
    expect(restoring.status).toBe(202);
  });

  it.each(['', 'x', '../../etc', '99999999999999999999', '2026-13-45T00:00:00Z', '-1'])(
    'takes no harm from the Last-Event-ID %j',
    async (id) => {
      const app = await startApp();
      const client = await readEvents(app, { headers: { 'Last-Event-ID': id } });
      expect((await client.first('status')).data.operation).toBe(null);
    },
  );

  it('refuses the 201st reader with 429, and takes 200 others when the first 200 have vanished', async () => {
    const app = await startApp();
    const request = `GET /api/backup/events HTTP/1.1\r\nHost: x\r\nAuthorization: ${as('ADMIN').Authorization}\r\n\r\n`;
    const connect = async () => {
      const sockets = await Promise.all(Array.from({ length: mostReaders }, () => openSocket(app.origin)));
      const begun = sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve)));
      for (const socket of sockets) socket.write(request);
      await Promise.all(begun);
      return sockets;
    };
    const first = await connect();
    const refused = await call(app, 'get', '/events');
    expect(problemOf(refused, 429, 'rate_limited')).toBeDefined();
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    for (const socket of first) socket.resetAndDestroy();
    await expect
      .poll(async () => (await rawRequest(app.origin, 'GET', '/api/backup/events', as('ADMIN'))).status)
      .toBe(200);
    await expect.poll(async () => (await connect()).length).toBe(mostReaders);
  });

  it('gives back the place of a reader that vanishes before it was answered', async () => {
    const app = await startApp();
    const request = `GET /api/backup/events HTTP/1.1\r\nHost: x\r\nAuthorization: ${as('ADMIN').Authorization}\r\n\r\n`;
    for (let round = 0; round < 3; round++) {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => openSocket(app.origin)));
      for (const socket of sockets) socket.write(request, () => socket.resetAndDestroy());
    }
    const admitted = async (): Promise<number> => {
      const clients = await Promise.all(Array.from({ length: mostReaders }, () => readEvents(app)));
      for (const client of clients) client.close();
      return clients.filter(({ response }) => response.statusCode === 200).length;
    };
    await expect.poll(admitted).toBe(mostReaders);
  });

  it('does not wait for a reader that never reads', async () => {
    const app = await startApp({ live: { rows: 10 } });
    const stuck = await openSocket(app.origin);
    stuck.pause();
    stuck.write(`GET /api/backup/events HTTP/1.1\r\nHost: x\r\nAuthorization: ${as('ADMIN').Authorization}\r\n\r\n`);
    const client = await readEvents(app);
    await client.first('status');
    for (let round = 0; round < 20; round++) await app.service.cleanup();
    const { id } = await app.service.cleanup().started;
    await client.first('operation', (operation) => operation.id === id && operation.state === 'succeeded');
    stuck.destroy();
  });
});

describe('GET /events of another process', () => {
  it('tells of its operations and backups as they go', async () => {
    const app = await startApp({ live: { rows: 20_000 } });
    await createOne(app);
    const client = await readEvents(app);
    await client.first('status');
    const other = await startFixture('app', app.folder);
    app.database.exec('BEGIN IMMEDIATE');
    other.send({ type: 'call', verb: 'restore', parameters: ['latest'] });
    const running = await client.first('operation', ({ phase }) => phase === 'waiting for the write lock');
    expect(running.data).toMatchObject({ type: 'restore', state: 'running', startedBy: 'host' });
    app.database.exec('COMMIT');
    await other.next('done');
    const { id } = running.data;
    const ended = await client.first('operation', (operation) => operation.id === id && operation.state !== 'running');
    expect(ended.data).toMatchObject({ state: 'succeeded', phase: 'done' });
    const { safetyBackup } = ended.data.result as { safetyBackup: string };
    await client.first('backup', ({ type, filename }) => type === 'created' && filename === safetyBackup);
    other.send({ type: 'call', verb: 'verify', parameters: [safetyBackup] });
    await client.first('backup', ({ type, filename }) => type === 'verified' && filename === safetyBackup);
    const ends = client.events.filter(({ name, data }) => name === 'operation' && (data as { id: string }).id === id);
    expect(ends.filter(({ data }) => (data as { state: string }).state !== 'running')).toHaveLength(1);
  });

  it('tells that it was killed in its operation', async () => {
    const app = await startApp();
    await createOne(app);
    const client = await readEvents(app);
    const other = await startFixture('app', app.folder);
    app.database.exec('BEGIN IMMEDIATE');
    other.send({ type: 'call', verb: 'restore', parameters: ['latest'] });
    await client.first('operation', ({ phase }) => phase === 'waiting for the write lock');
    await other.kill();
    const ended = await client.first('operation', ({ state }) => state === 'failed');
    expect(ended.data.problem).toMatchObject({ code: 'operation_interrupted' });
    app.database.exec('COMMIT');
    await createOne(app);
    await client.first('operation', ({ type, state }) => type === 'create' && state === 'succeeded');
  });

  it('tells a new reader what runs there, and how it ended meanwhile', async () => {
    const app = await startApp();
    const { service } = openService({ database: app.databaseFile, directory: app.directory });
    await createOne(app);
    const earlier = await readEvents(app);
    const { id } = await earlier.first('status');
    earlier.close();
    app.database.exec('BEGIN IMMEDIATE');
    const run = service.restore('latest', { by: 'elsewhere' });
    await run.started;
    const during = await readEvents(app);
    expect((await during.first('operation')).data).toMatchObject({ type: 'restore', startedBy: 'elsewhere' });
    during.close();
    app.database.exec('COMMIT');
    await run;
    const later = await readEvents(app, { headers: { 'Last-Event-ID': id } });
    await later.first('operation', ({ startedBy, state }) => startedBy === 'elsewhere' && state === 'succeeded');
  });
});
