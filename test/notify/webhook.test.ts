import { execFileSync } from 'node:child_process';
import { webhook } from 'express-db-backup';
import { expect, it } from 'vitest';
import { startReceiver } from '../helpers/receiver.js';
import { secret, tell } from '../helpers/told.js';

/** The HMAC as another program computes it. */
function opensslHmac(text: string): string {
  const printed = execFileSync('openssl', ['dgst', '-sha256', '-hmac', secret, '-hex'], {
    input: text,
    encoding: 'utf8',
  });
  return printed.trim().split(' ').at(-1) ?? '';
}

it('a webhook is signed over its time and its body', async () => {
  const receiver = await startReceiver();
  const { fail, notifications } = tell([webhook({ url: `${receiver.origin}/hook?x=1`, secret })]);
  fail();
  await notifications.close();
  const [{ headers, body, method, path } = expect.fail('Nothing came.')] = receiver.received;
  expect([method, path, headers['content-type']]).toEqual(['POST', '/hook?x=1', 'application/json']);
  expect(headers['x-signature-256']).toBe(`sha256=${opensslHmac(`${headers['x-timestamp']}.${body}`)}`);
  expect(Math.abs(Date.now() / 1_000 - Number(headers['x-timestamp']))).toBeLessThan(60);
  expect(JSON.stringify([headers, body])).not.toContain(secret);
});

it('a webhook has everything as fields, and its id in the signed body', async () => {
  const receiver = await startReceiver();
  const { fail, notifications } = tell([webhook({ url: receiver.origin, secret })], {
    clock: () => new Date('2026-01-08T21:00:00.000Z'),
  });
  fail();
  await notifications.close();
  const at = '2026-01-08T21:00:00.000Z';
  expect(receiver.notifications()).toEqual([
    {
      id: receiver.received[0]?.headers['x-delivery'],
      version: 1,
      event: 'backup.failed',
      status: 'trouble',
      database: 'app',
      host: 'here',
      at,
      since: at,
      count: 1,
      title: 'app: backups fail (database_missing)',
      detail: 'It is not there.',
      code: 'database_missing',
      hint: 'Check the `database` option and whether the file was moved or deleted.',
      facts: {},
      lastGoodBackup: null,
      text: [
        'app: backups fail (database_missing).',
        '',
        'Database: app on here',
        'What: It is not there.',
        'Since: 2026-01-08 21:00:00 UTC',
        'What to do: Check the `database` option and whether the file was moved or deleted.',
        'Last good backup: there is none',
        '',
      ].join('\n'),
    },
  ]);
  expect(receiver.received[0]?.headers['x-delivery']).toMatch(/^[0-9a-f-]{36}$/);
});

it('every attempt is signed at its own time', async () => {
  const receiver = await startReceiver(500);
  const { fail, notifications } = tell([webhook({ url: receiver.origin, secret })], {
    pace: { firstWaitMs: 1_100, longestWaitMs: 1_100 },
  });
  fail();
  await receiver.until(1);
  receiver.answer = 200;
  await receiver.until(2);
  await notifications.close();
  const [first, second] = receiver.received.map(({ headers, body }) => ({ headers, body }));
  expect(second?.headers['x-signature-256']).toBe(
    `sha256=${opensslHmac(`${second?.headers['x-timestamp']}.${second?.body}`)}`,
  );
  expect(second?.body).toBe(first?.body);
});
