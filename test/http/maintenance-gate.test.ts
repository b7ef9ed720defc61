import type { RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type express5 from 'express';
import { backupRouter, jwtAuth, maintenanceGate } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { backupProcessesOf } from '../helpers/child-processes.js';
import { bodyOf, problemOf, statusSchema } from '../helpers/contract.js';
import { startFixture } from '../helpers/fixture-process.js';
import { call, expressVersions, jwtSecret, serve } from '../helpers/http-app.js';
import { generations, openAgain, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, type Workspace, type WorkspaceOptions } from '../helpers/workspace.js';

type Express = typeof express5;

interface Gated extends Workspace {
  readonly origin: string;
  readonly api: string;
  readonly filename: string;
  /** When the host's own route was reached, by `performance.now()`. */
  readonly reachedAt: number[];
}

/** An app whose first middleware is the gate, with a backup of `first` and a live database that has gone on to `second`. */
async function startGated(express: Express, options: WorkspaceOptions = {}): Promise<Gated> {
  const workspace = createWorkspace(options);
  const { service, database } = workspace;
  const { filename } = await service.create();
  setGeneration(database, 'second');
  const reachedAt: number[] = [];
  const app = express();
  app.use(maintenanceGate(service));
  const inner = express.Router();
  inner.use('/backup', backupRouter(service, { authenticate: jwtAuth({ secret: jwtSecret }) }));
  app.use('/api', inner);
  app.get('/generation', (_request, response) => {
    reachedAt.push(performance.now());
    response.json(generations(database));
  });
  const origin = await serve(app as unknown as RequestListener);
  return { ...workspace, origin, api: `${origin}/api/backup`, filename, reachedAt };
}

async function ask(origin: string, path = '/generation') {
  const response = await fetch(origin + path);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  };
}

/** A restore that waits for the write lock until the returned connection lets go of it. */
async function beginRestore({ service, databaseFile, filename }: Gated, signal?: AbortSignal) {
  const writer = openAgain(databaseFile);
  writer.exec('BEGIN IMMEDIATE');
  const waiting = new Promise<void>((resolve) => {
    service.on('operation', ({ phase }) => phase === 'waiting for the write lock' && resolve());
  });
  const run = service.restore(filename, { signal });
  run.catch(() => undefined);
  await waiting;
  return { run, writer };
}

describe.each(expressVersions)('%s: maintenanceGate', (_version, express) => {
  it('answers 503 maintenance with Retry-After while a restore replaces the content, and nothing before or after', async () => {
    const app = await startGated(express as Express);
    expect(await ask(app.origin)).toMatchObject({ status: 200, text: '"second:500"' });
    const { run, writer } = await beginRestore(app);
    const refused = await ask(app.origin, '/generation?x=1');
    expect(problemOf(refused, 503, 'maintenance').instance).toBe('/generation');
    expect(refused.headers['retry-after']).toBe('2');
    writer.exec('COMMIT');
    await run;
    expect(await ask(app.origin)).toMatchObject({ status: 200, text: '"first:500"' });
    expect(app.reachedAt).toHaveLength(2);
  });

  it('never holds off the backup router, which tells of the maintenance and can end it', async () => {
    const app = await startGated(express as Express);
    const { run } = await beginRestore(app);
    const status = bodyOf(await call(app, 'get', '/status'), 200, statusSchema);
    expect(status).toMatchObject({ maintenance: true, operation: { type: 'restore' } });
    expect((await call(app, 'delete', `/operations/${status.operation?.id}`)).status).toBe(202);
    await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
    expect((await ask(app.origin)).status).toBe(200);
    expect(bodyOf(await call(app, 'get', '/status'), 200, statusSchema).maintenance).toBe(false);
  });

  it.each(['/%zz', '/api/backupx', '/backup/list', '//api/backup/list', '/api'])(
    'holds off %s, which is no path of the backup router',
    async (path) => {
      const app = await startGated(express as Express);
      const { run, writer } = await beginRestore(app);
      problemOf(await ask(app.origin, path), 503, 'maintenance');
      writer.exec('COMMIT');
      await run;
    },
  );

  it('lets no request through during the switch-over under load, and refuses none outside of it', async () => {
    const app = await startGated(express as Express, { live: { rows: 500 } });
    const answers: { status: number; askedAt: number; answeredAt: number }[] = [];
    const stop = new AbortController();
    const load = Array.from({ length: 8 }, async () => {
      while (!stop.signal.aborted && answers.length < 20_000) {
        const askedAt = performance.now();
        const { status } = await ask(app.origin);
        answers.push({ status, askedAt, answeredAt: performance.now() });
      }
    });
    const restores: { raisedAt: number; loweredAt: number; from: number; to: number }[] = [];
    for (let round = 0; round < 5; round++) {
      await delay(50);
      const from = performance.now();
      let raisedAt = 0;
      const off = app.service.on('operation', ({ phase }) => {
        if (phase === 'waiting for the write lock') raisedAt ||= performance.now();
      });
      let loweredAt = 0;
      const listening = app.service.on('operation', ({ phase }) => {
        if (phase === 'replacing') loweredAt = performance.now();
      });
      await app.service.restore(app.filename);
      off();
      listening();
      restores.push({ raisedAt, loweredAt, from, to: performance.now() });
    }
    await delay(50);
    stop.abort();
    await Promise.all(load);
    for (const { raisedAt, loweredAt } of restores) {
      expect(loweredAt).toBeGreaterThan(raisedAt);
      expect(app.reachedAt.filter((at) => at > raisedAt && at < loweredAt)).toEqual([]);
    }
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    const during = ({ askedAt, answeredAt }: (typeof answers)[number]) =>
      restores.some(({ from, to }) => answeredAt > from && askedAt < to);
    expect(refused.filter((answer) => !during(answer))).toEqual([]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    expect((await ask(app.origin)).status).toBe(200);
  });
});

const [, [, express]] = expressVersions;

describe('the gate is open again', () => {
  it('after a restore that did not win the lock in time', async () => {
    const app = await startGated(express, { service: { limits: { restoreWaitMs: 100 } } });
    const { run, writer } = await beginRestore(app);
    await expect(run).rejects.toMatchObject({ code: 'database_busy' });
    writer.exec('COMMIT');
    expect((await ask(app.origin)).status).toBe(200);
  });

  it('after the death of the backup process, whose error tells that the content is the old one', async () => {
    const app = await startGated(express);
    const { run, writer } = await beginRestore(app);
    const [child] = backupProcessesOf(process.pid);
    process.kill(child ?? 0, 'SIGKILL');
    await expect(run).rejects.toMatchObject({
      code: 'engine_crashed',
      facts: { restored: app.filename, live: 'old', safetyBackup: null },
    });
    writer.exec('COMMIT');
    expect(await ask(app.origin)).toMatchObject({ status: 200, text: '"second:500"' });
  });
});

it('the gate of another process closes with the restore, and opens when the restoring process is killed', async () => {
  const app = await startGated(express);
  const holder = await startFixture('app', app.folder);
  const writer = openAgain(app.databaseFile);
  writer.exec('BEGIN IMMEDIATE');
  holder.send({ type: 'call', verb: 'restore', parameters: [app.filename] });
  for (let phase: unknown; phase !== 'waiting for the write lock'; ) ({ phase } = await holder.next('operation'));
  await expect.poll(async () => (await ask(app.origin)).status).toBe(503);
  expect((await app.service.status()).maintenance).toBe(true);
  await holder.kill();
  await expect.poll(async () => (await ask(app.origin)).status).toBe(200);
  writer.exec('COMMIT');
  expect(generations(app.database)).toBe('second:500');
});
