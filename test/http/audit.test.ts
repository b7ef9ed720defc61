import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { auditEntries } from '../helpers/audit.js';
import { auditSchema, bodyOf, problemOf } from '../helpers/contract.js';
import {
  as,
  call,
  createOne,
  expressVersions,
  type HttpApp,
  jwtSecret,
  phrase,
  startApp,
  upload,
} from '../helpers/http-app.js';
import { rawRequest } from '../helpers/raw-request.js';

const developer = 'developer@example.com';
const address = /^(::ffff:)?127\.0\.0\.1$/;
const forged = { Authorization: `${as('DEVELOPER').Authorization.slice(0, -43)}${'A'.repeat(43)}` };

async function entriesOf(app: HttpApp, query = ''): Promise<readonly AuditEntry[]> {
  return bodyOf(await call(app, 'get', `/audit${query}`), 200, auditSchema).entries as AuditEntry[];
}

/** What the newest entry tells, as far as a test cares. */
async function newest(app: HttpApp): Promise<AuditEntry | undefined> {
  return (await entriesOf(app))[0];
}

describe.each(expressVersions)('%s', (_version, express) => {
  it('every operation is one entry that is on the disk before its caller is answered', async () => {
    const app = await startApp({ express });
    const told = (): (string | null)[] | undefined => {
      const entry = auditEntries(app.directory).at(-1);
      return entry && [entry.action, entry.by, entry.file, entry.outcome, entry.code];
    };
    const { filename } = await createOne(app, 'a note that is nobody’s business');
    expect(told()).toEqual(['create', developer, filename, 'succeeded', null]);
    const bytes =
      (await call(app, 'get', '/download/latest')).status === 200 && readFileSync(join(app.directory, filename));
    expect(told()).toEqual(['download', developer, filename, 'succeeded', null]);
    await call(app, 'post', '/verify/latest', { role: 'ADMIN', body: {} });
    expect(told()).toEqual(['verify', 'admin@example.com', filename, 'succeeded', null]);
    await call(app, 'patch', `/${filename}`, { body: { notes: 'other' } });
    expect(told()).toEqual(['update', developer, filename, 'succeeded', null]);
    await call(app, 'post', '/restore/latest', { body: { confirm: phrase } });
    expect(told()).toEqual(['restore', developer, filename, 'succeeded', null]);
    const { backup } = JSON.parse((await upload(app, bytes as Buffer)).text) as { backup: { filename: string } };
    expect(told()).toEqual(['upload', developer, backup.filename, 'succeeded', null]);
    await call(app, 'post', '/cleanup', { body: {} });
    expect(told()).toEqual(['cleanup', developer, null, 'succeeded', null]);
    await call(app, 'delete', `/${backup.filename}`);
    expect(told()).toEqual(['remove', developer, backup.filename, 'succeeded', null]);
    const entries = auditEntries(app.directory);
    expect(entries).toHaveLength(8);
    for (const { from, at, durationMs } of entries) {
      expect(from).toMatch(address);
      expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
      expect(durationMs).toBeLessThan(60_000);
    }
    expect(entries.filter(({ operation }) => operation !== null)).toHaveLength(6);
    expect(await app.service.verifyAudit()).toMatchObject({ ok: true, entries: 8 });
  });

  it('says who was not let in, and for what, and nothing that they sent', async () => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    problemOf(await rawRequest(app.origin, 'GET', `/api/backup/download/${filename}`), 401, 'unauthenticated');
    problemOf(await rawRequest(app.origin, 'GET', '/api/backup/list', forged), 401, 'unauthenticated');
    problemOf(await rawRequest(app.origin, 'GET', '/api/backup/download/%ff'), 401, 'unauthenticated');
    problemOf(await call(app, 'delete', `/${filename}`, { role: 'USER' }), 403, 'forbidden');
    problemOf(
      await call(app, 'post', '/restore/latest', { role: 'ADMIN', body: { confirm: phrase } }),
      403,
      'forbidden',
    );
    const refused = (await entriesOf(app)).filter(({ outcome }) => outcome === 'refused');
    expect(refused.map(({ action, by, file, code, count }) => [action, by, file, code, count]).sort()).toEqual([
      ['remove', 'user@example.com', filename, 'forbidden', 1],
      ['restore', 'admin@example.com', null, 'forbidden', 1],
      ['sign_in', null, null, 'unauthenticated', 3],
    ]);
    for (const { from } of refused) expect(from).toMatch(address);
  });

  it.each<[string, (app: HttpApp, filename: string) => Promise<unknown>, Partial<AuditEntry>]>([
    [
      'a wrong phrase',
      (app) => call(app, 'post', '/restore/latest', { body: { confirm: 'yes' } }),
      { action: 'restore', code: 'confirmation_required', outcome: 'refused' },
    ],
    [
      'a name that is none',
      (app) => call(app, 'get', '/download/..%2f..%2fetc%2fpasswd'),
      { action: 'download', code: 'invalid_filename', outcome: 'refused', file: null },
    ],
    [
      'a backup that is not there',
      (app) => call(app, 'patch', '/app_backup_2020-01-01_00-00-00.db', { body: {} }),
      { action: 'update', code: 'backup_not_found', outcome: 'refused', file: 'app_backup_2020-01-01_00-00-00.db' },
    ],
    [
      'an operation that is not there',
      (app) => call(app, 'delete', '/operations/x'),
      { action: 'cancel', code: 'operation_not_found', outcome: 'refused' },
    ],
    [
      'a body that does not fit',
      (app) => call(app, 'post', '/create', { body: { x: 1 } }),
      { action: 'create', code: 'invalid_request', outcome: 'refused' },
    ],
    [
      'a question that does not fit',
      (app) => call(app, 'get', '/list?limit=x'),
      { action: 'read', code: 'invalid_request', outcome: 'refused' },
    ],
    [
      'a backup that has changed',
      (app, name) =>
        call(app, 'post', `/restore/${name}`, { body: { confirm: phrase }, headers: { 'If-Match': '"x"' } }),
      { action: 'restore', code: 'backup_changed', outcome: 'refused' },
    ],
    [
      'a range beyond the file',
      (app, name) => call(app, 'get', `/download/${name}`, { headers: { Range: 'bytes=999999999-' } }),
      { action: 'download', code: 'range_not_satisfiable', outcome: 'refused' },
    ],
    [
      'an upload that is no database',
      (app) => upload(app, Buffer.from('text')),
      { action: 'upload', code: 'backup_damaged', outcome: 'failed' },
    ],
    [
      'a backup that is pinned',
      async (app, name) => {
        await app.service.update(name, { pinned: true });
        await call(app, 'delete', `/${name}`);
      },
      { action: 'remove', code: 'backup_pinned', outcome: 'failed' },
    ],
  ])('tells of %s once', async (_what, ask, expected) => {
    const app = await startApp({ express });
    const { filename } = await createOne(app);
    await ask(app, filename);
    const told = (await entriesOf(app)).filter(({ code }) => code !== null);
    expect(told).toEqual([expect.objectContaining({ by: developer, count: 1, ...expected })]);
  });

  it('tells of an operation that could not begin once, and of the one that kept it from that', async () => {
    const app = await startApp({ express, live: { rows: 20_000 } });
    const run = app.service.create({ by: 'schedule' });
    const { id } = await run.started;
    problemOf(await call(app, 'post', '/create', { body: {} }), 409, 'operation_in_progress');
    await run;
    const entries = await entriesOf(app);
    expect(entries.map(({ action, by, outcome, code }) => [action, by, outcome, code]).sort()).toEqual([
      ['create', developer, 'refused', 'operation_in_progress'],
      ['create', 'schedule', 'succeeded', null],
    ]);
    expect(entries.find(({ by }) => by === 'schedule')).toMatchObject({ operation: id, from: null });
  });

  it('tells of a cancel, and of what was cancelled', async () => {
    const app = await startApp({ express });
    app.database.exec('BEGIN IMMEDIATE');
    const { filename } = await createOne(app);
    const answer = await call(app, 'post', `/restore/${filename}`, {
      body: { confirm: phrase },
      headers: { Prefer: 'respond-async' },
    });
    const { operation } = JSON.parse(answer.text) as { operation: { id: string } };
    expect((await call(app, 'delete', `/operations/${operation.id}`)).status).toBe(202);
    await expect.poll(async () => (await app.service.operation(operation.id)).state).toBe('cancelled');
    app.database.exec('COMMIT');
    const told = (await entriesOf(app)).filter((entry) => entry.operation === operation.id);
    expect(told.map(({ action, outcome, code }) => [action, outcome, code]).sort()).toEqual([
      ['cancel', 'succeeded', null],
      ['restore', 'cancelled', 'operation_cancelled'],
    ]);
  });
});

describe('the audit', () => {
  it('names every backup that retention takes away', async () => {
    const app = await startApp({ service: { retention: { keep: 1 } } });
    const { filename: first } = await createOne(app);
    await createOne(app);
    const removed = (await entriesOf(app)).filter(({ action }) => action === 'remove');
    expect(removed).toMatchObject([{ file: first, by: developer, outcome: 'succeeded' }]);
    expect(removed[0]?.operation).toBe((await newest(app))?.operation);
  });

  it('holds no token, no phrase and no note', async () => {
    const app = await startApp();
    await createOne(app, 'the note of a person');
    await call(app, 'post', '/restore/latest', { body: { confirm: 'a wrong phrase' } });
    await call(app, 'post', '/restore/latest', { body: { confirm: phrase } });
    await call(app, 'get', '/list', { role: null, headers: { Authorization: `Bearer ${jwtSecret}` } });
    await entriesOf(app);
    const text = readFileSync(join(app.directory, 'audit.jsonl'), 'utf8');
    expect(text).not.toMatch(/note of|phrase"|I understand|Bearer|secret|eyJ|\/tmp/);
  });

  it('is paged, the newest entry first', async () => {
    const app = await startApp();
    for (let index = 0; index < 5; index++) await call(app, 'post', '/cleanup', { body: { dryRun: true } });
    const numbers = (query: string) => entriesOf(app, query).then((entries) => entries.map(({ number }) => number));
    expect(await numbers('')).toEqual([5, 4, 3, 2, 1]);
    expect(await numbers('?limit=2&offset=1')).toEqual([4, 3]);
    expect(bodyOf(await call(app, 'get', '/audit?limit=1'), 200, auditSchema).total).toBe(5);
    for (const query of ['?limit=0', '?limit=501', '?offset=-1', '?x=1'])
      problemOf(await call(app, 'get', `/audit${query}`), 400, 'invalid_request');
  });

  it('of many refusals has one line for each address, and the older lines stay', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 25 }, () => call(app, 'get', '/list', { role: null })));
    const entries = await entriesOf(app);
    const refused = entries.filter(({ action }) => action === 'sign_in');
    expect(refused.length).toBeLessThanOrEqual(3);
    expect(refused.reduce((sum, { count }) => sum + count, 0)).toBe(500);
    expect(entries.at(-1)).toMatchObject({ action: 'create', file: filename });
  });

  it('makes no vault for a request that is refused, and writes it down once there is one', async () => {
    const app = await startApp();
    await call(app, 'get', '/list', { role: null });
    expect(existsSync(app.directory)).toBe(false);
    await app.service.start();
    expect(await entriesOf(app)).toMatchObject([{ action: 'sign_in', code: 'unauthenticated' }]);
  });

  it('writes a refusal down within seconds, although nobody asks for it', async () => {
    const app = await startApp();
    await app.service.start();
    await call(app, 'get', '/list', { role: null });
    await expect.poll(() => auditEntries(app.directory).map(({ action }) => action)).toEqual(['sign_in']);
  });

  it('of a download in parts has the first at once and the others together', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    for (let part = 0; part < 4; part++)
      await call(app, 'get', `/download/${filename}`, { headers: { Range: `bytes=${part}-${part}` } });
    await call(app, 'head', `/download/${filename}`);
    expect(auditEntries(app.directory).map(({ action }) => action)).toEqual(['create', 'download']);
    expect(await newest(app)).toMatchObject({ action: 'download', file: filename, count: 3 });
  });

  it('that cannot be written to stops nothing, and the host hears of it', async () => {
    const app = await startApp();
    mkdirSync(join(app.directory, 'audit.jsonl'), { recursive: true, mode: 0o700 });
    expect((await call(app, 'post', '/create', { body: {} })).status).toBe(201);
    expect((await call(app, 'get', '/download/latest')).status).toBe(200);
    expect(app.internalErrors.splice(0).length).toBeGreaterThan(0);
    rmSync(join(app.directory, 'audit.jsonl'), { recursive: true });
    expect((await call(app, 'post', '/cleanup', { body: {} })).status).toBe(200);
    expect(auditEntries(app.directory).map(({ action }) => action)).toEqual(['create', 'download', 'cleanup']);
    app.internalErrors.splice(0);
  });

  it('is given to the host entry by entry, whose faults harm nothing', async () => {
    const told: AuditEntry[] = [];
    const onAudit = (entry: AuditEntry): unknown => {
      told.push(entry);
      if (told.length === 1) throw new Error('thrown');
      return told.length === 2 ? Promise.reject(new Error('rejected')) : undefined;
    };
    const app = await startApp({ service: { audit: { onAudit } } });
    for (let index = 0; index < 3; index++) await call(app, 'post', '/cleanup', { body: {} });
    expect(told).toEqual(auditEntries(app.directory));
    await expect.poll(() => app.internalErrors.splice(0).map(String)).toEqual(['Error: thrown', 'Error: rejected']);
  });

  it('that is not wanted writes nothing, and what is there can still be read', async () => {
    const app = await startApp({ service: { audit: false } });
    await createOne(app);
    await call(app, 'get', '/list', { role: null });
    expect(bodyOf(await call(app, 'get', '/audit'), 200, auditSchema)).toEqual({ entries: [], total: 0 });
    expect(existsSync(join(app.directory, 'audit.jsonl'))).toBe(false);
    expect(await app.service.verifyAudit()).toMatchObject({ ok: true, entries: 0 });
  });

  it('is private, and listed nowhere', async () => {
    const app = await startApp();
    const { filename } = await createOne(app);
    expect(statSync(join(app.directory, 'audit.jsonl')).mode & 0o777).toBe(0o600);
    expect((await app.service.list()).backups.map((backup) => backup.filename)).toEqual([filename]);
    problemOf(await call(app, 'get', '/download/audit.jsonl'), 400, 'invalid_filename');
    problemOf(await call(app, 'delete', '/audit.1.jsonl'), 400, 'invalid_filename');
  });
});
