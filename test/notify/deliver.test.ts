import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { heartbeat, type Notifier, slack, webhook } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../dist/notify/http-request.js';
import { usualPace, waitMs } from '../../dist/notify/pace.js';
import { startReceiver } from '../helpers/receiver.js';
import { remember, secret, tell } from '../helpers/told.js';

const hook = (url: string): Notifier => webhook({ url, secret });

it('a notifier of the host that cannot be closed is told, and keeps nothing open', async () => {
  const fault = new Error('a fault of the host');
  let closed = 0;
  const failing: Notifier = {
    name: 'own',
    events: [],
    deliver: async () => ({ delivered: true }),
    close: () => Promise.reject(fault),
  };
  const other: Notifier = { ...failing, name: 'other', close: () => void closed++ };
  const { notifications, faults } = tell([failing, other]);
  await notifications.close();
  expect([faults, closed]).toEqual([[fault], 1]);
});

describe('a delivery', () => {
  it.each([500, 502, 503, 408, 429])('that is answered with %d is tried again, and is the same one', async (status) => {
    const receiver = await startReceiver(status);
    const { fail, faults, notifications } = tell([hook(receiver.origin)]);
    fail();
    await receiver.until(2);
    receiver.answer = 200;
    await receiver.until(3);
    await notifications.close();
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['x-delivery']))).toHaveLength(1);
    expect(new Set(receiver.received.map(({ body }) => body))).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  it.each([400, 401, 403, 404, 410, 301, 307])(
    'that is answered with %d is not tried again but told',
    async (status) => {
      const receiver = await startReceiver((response) => response.writeHead(status, { Location: '/elsewhere' }).end());
      const { fail, faults, notifications } = tell([hook(receiver.origin)]);
      fail();
      await receiver.until(1);
      await notifications.close();
      expect(receiver.received).toHaveLength(1);
      expect(faults).toEqual([
        expect.objectContaining({
          code: 'notification_failed',
          message: expect.stringContaining(
            `The notifier webhook did not deliver backup.failed (trouble): HTTP ${status}`,
          ),
        }),
      ]);
    },
  );

  it('that gets no answer in time is tried again', async () => {
    const receiver = await startReceiver(() => undefined);
    const { fail, faults, notifications } = tell([hook(receiver.origin)], { pace: { attemptMs: 50 } });
    fail();
    await receiver.until(1);
    receiver.answer = 200;
    await receiver.until(2);
    await notifications.close();
    expect(faults).toEqual([]);
  });

  it('whose answer has no end is delivered by its status', async () => {
    const receiver = await startReceiver((response) => {
      response.writeHead(200);
      response.write('endless');
    });
    const { fail, faults, notifications } = tell([hook(receiver.origin)]);
    fail();
    await receiver.until(1);
    await notifications.close();
    expect([receiver.received.length, faults]).toEqual([1, []]);
  });

  it('to where nobody listens is tried as often as is allowed, then told without the address', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const { fail, faults } = tell([hook(`http://127.0.0.1:${port}/very-secret`)]);
    fail();
    await expect.poll(() => faults).toHaveLength(1);
    expect(faults[0]?.message).toBe(
      'The notifier webhook did not deliver backup.failed (trouble): ECONNREFUSED (attempts: 5).',
    );
    expect(JSON.stringify(faults[0])).not.toContain('very-secret');
  });

  it('by a notifier that throws, answers nothing, or never answers, harms nothing', async () => {
    const empty = remember({ name: 'empty', deliver: async () => undefined as never });
    const broken = remember({ name: 'broken', deliver: () => Promise.reject(new Error('secret')) });
    const silent = remember({ name: 'silent', attemptMs: 5, deliver: () => new Promise(() => undefined) });
    const sound = remember();
    const { fail, faults, notifications } = tell([broken, silent, sound, empty]);
    fail();
    await expect.poll(() => faults).toHaveLength(3);
    await notifications.close();
    expect(faults.map(({ message }) => message).sort()).toEqual([
      'The notifier broken did not deliver backup.failed (trouble): the notifier threw (attempts: 5).',
      'The notifier empty did not deliver backup.failed (trouble): the notifier answered no outcome (attempts: 1).',
      'The notifier silent did not deliver backup.failed (trouble): no answer in time (attempts: 5).',
    ]);
    expect(sound.told).toHaveLength(1);
  });
});

describe('the waits between attempts', () => {
  const waits = [1, 2, 3, 4].map((attempt) => waitMs(attempt, undefined, usualPace, 0.5));
  it('grow, are bounded, and end after five attempts', () => {
    expect(waits).toEqual([5_000, 20_000, 80_000, 300_000]);
    expect(usualPace.attempts).toBe(5);
  });

  it('are spread by a quarter', () => {
    expect([waitMs(1, undefined, usualPace, 0), waitMs(1, undefined, usualPace, 1)]).toEqual([3_750, 6_250]);
  });

  it('are what the receiver asks for in Retry-After, within a bound', () => {
    expect(waitMs(1, 60_000, usualPace, 0.5)).toBe(60_000);
    expect(waitMs(1, 1, usualPace, 0.5)).toBe(5_000);
    expect(waitMs(1, 10 ** 12, usualPace, 0.5)).toBe(600_000);
    const now = Date.parse('2026-01-08T21:00:00Z');
    expect(retryAfterMs('120', now)).toBe(120_000);
    expect(retryAfterMs('Thu, 08 Jan 2026 21:01:00 GMT', now)).toBe(60_000);
    expect(retryAfterMs('Thu, 08 Jan 2026 20:00:00 GMT', now)).toBe(0);
    expect([retryAfterMs('soon', now), retryAfterMs(null, now)]).toEqual([undefined, undefined]);
  });

  it('hold for a real answer with Retry-After', async () => {
    const receiver = await startReceiver((response) => response.writeHead(503, { 'Retry-After': '1' }).end());
    const { fail } = tell([hook(receiver.origin)], { pace: { longestRetryAfterMs: 200 } });
    fail();
    const [first, second] = await receiver.until(2);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(190);
    receiver.answer = 200;
  });
});

describe('the queue of a notifier', () => {
  it('drops the oldest beyond its bound, and says so', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const told: string[] = [];
    const slow = remember({
      everyTime: true,
      attemptMs: 30_000,
      async deliver({ code }) {
        await held;
        told.push(String(code));
        return { delivered: true };
      },
    });
    const { fail, faults, notifications } = tell([slow], { pace: { mostWaiting: 2, closeMs: 10_000 } });
    for (const code of ['database_missing', 'database_busy', 'source_damaged', 'engine_crashed'] as const) fail(code);
    await expect.poll(() => faults).toHaveLength(1);
    release();
    await notifications.close();
    expect(told).toEqual(['database_missing', 'source_damaged', 'engine_crashed']);
    expect(faults[0]?.message).toContain('more than 2 wait (dropped: 1)');
  });

  it('of one does not hold up another', async () => {
    const silent = await startReceiver(() => undefined);
    const quick = await startReceiver();
    const { fail } = tell([hook(silent.origin), hook(quick.origin)], { pace: { closeMs: 10 } });
    fail();
    fail('database_busy');
    await quick.until(2);
    expect(silent.received).toHaveLength(1);
  });
});

describe('a close', () => {
  it('lets what is queued go out', async () => {
    const receiver = await startReceiver();
    const { fail, notifications } = tell([hook(receiver.origin)]);
    for (const code of ['database_missing', 'database_busy', 'source_damaged'] as const) fail(code);
    await notifications.close();
    expect(receiver.received).toHaveLength(3);
  });

  it('does not wait for the next attempt but makes it', async () => {
    const receiver = await startReceiver(500);
    const { fail, notifications } = tell([hook(receiver.origin)], {
      pace: { firstWaitMs: 60_000, longestWaitMs: 60_000 },
    });
    fail();
    await receiver.until(1);
    receiver.answer = 200;
    await notifications.close();
    expect(receiver.received).toHaveLength(2);
  });

  it('gives up after its time, and says what was not delivered', async () => {
    const receiver = await startReceiver(() => undefined);
    const { fail, faults, notifications } = tell([hook(receiver.origin)], { pace: { closeMs: 50 } });
    fail();
    fail('database_busy');
    await receiver.until(1);
    const startedAt = performance.now();
    await notifications.close();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(receiver.received).toHaveLength(1);
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('the service was closed (attempts: 2)'),
      expect.stringContaining('the service was closed (attempts: 1)'),
    ]);
    await notifications.close();
    expect(faults).toHaveLength(2);
  });

  it('ends the listening', async () => {
    const receiver = await startReceiver();
    const { fail, notifications } = tell([hook(receiver.origin)]);
    await notifications.close();
    fail();
    await notifications.close();
    expect(receiver.received).toEqual([]);
  });
});

describe('slack', () => {
  it('is sent text in which nothing calls or links', async () => {
    const receiver = await startReceiver();
    const { events, notifications } = tell([slack({ url: `${receiver.origin}/services/T/B/x` })]);
    const [filename, previous] = ['app_backup_2.db', 'app_backup_1.db'];
    events.emit('table.shrank', { filename, previous, table: '<!channel> & <http://x|y>', before: 3, after: 0 });
    await notifications.close();
    const [{ body, path, method } = { body: '{}', path: '', method: '' }] = receiver.received;
    const { text, ...rest } = JSON.parse(body) as { text: string };
    expect([method, path, rest]).toEqual(['POST', '/services/T/B/x', { mrkdwn: false }]);
    expect(text).toContain('Table &lt;!channel&gt; &amp; &lt;http://x|y&gt; had 3 rows');
    expect(text).not.toMatch(/[<>]/);
  });
});

describe('a heartbeat', () => {
  it('asks for its address after every backup that was created, and for the other at every failure', async () => {
    const receiver = await startReceiver();
    const beat = heartbeat({ url: `${receiver.origin}/ping`, failUrl: `${receiver.origin}/ping/fail` });
    const { succeed, fail, notifications } = tell([beat]);
    succeed();
    fail();
    fail();
    succeed({ kind: 'uploaded' });
    succeed();
    fail('operation_cancelled');
    await notifications.close();
    expect(receiver.received.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
      'GET /ping ',
      'GET /ping/fail ',
      'GET /ping/fail ',
      'GET /ping ',
    ]);
  });

  it('without an address for failures says nothing of them, and says why by POST', async () => {
    const receiver = await startReceiver();
    const [quiet, loud] = [await startReceiver(), receiver];
    const { succeed, fail, notifications } = tell([
      heartbeat({ url: quiet.origin }),
      heartbeat({ url: loud.origin, failUrl: loud.origin, method: 'POST', events: ['backup.failed'] }),
    ]);
    fail();
    succeed();
    await notifications.close();
    expect(quiet.received.map(({ method }) => method)).toEqual(['GET']);
    expect(loud.received.map(({ body }) => body.split('\n')[0])).toEqual([
      'app: backups fail (database_missing).',
      'app: backup.created.',
    ]);
  });
});
