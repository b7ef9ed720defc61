import { createBackupService, email, heartbeat, slack, webhook } from 'express-db-backup';
import { describe, expect, it } from 'vitest';

const url = 'https://example.com/hook';
const secret = 'sixteen letters!';
const mail = { transport: 'smtp://localhost', from: 'a@example.com', to: 'b@example.com' };
const notifiers = { email, webhook, slack, heartbeat } as unknown as Readonly<
  Record<string, (options: unknown) => unknown>
>;

describe('the options of a notifier', () => {
  it.each([
    ['webhook', undefined, /Expected the options of webhook to be an object, got undefined/],
    ['webhook', { url }, /Expected `secret` to be a string, got undefined/],
    [
      'webhook',
      { url, secret: 'short' },
      /Expected `secret` to be at least 16 characters long, got a string of 5 characters/,
    ],
    [
      'webhook',
      { url: 'ftp://example.com', secret },
      /Expected `url` to be an http or https URL .*got a string of 17 characters/,
    ],
    ['webhook', { url: 'https://me:pass@example.com', secret }, /`url` to be an http or https URL without a user name/],
    ['webhook', { url: 'example.com', secret }, /`url` to be an http or https URL/],
    ['webhook', { url, secret, events: [] }, /Expected `events` to be >= 1, got an array/],
    [
      'webhook',
      { url, secret, events: ['backup.faild'] },
      /Expected `events.0` to be one of "backup.failed", .*got "backup.faild"/,
    ],
    ['webhook', { url, secret, retries: 3 }, /Unknown option `retries` of webhook/],
    ['slack', {}, /Expected `url` to be a string, got undefined/],
    ['slack', { url: 'T000/B000/key' }, /Expected `url` .*got a string of 13 characters/],
    ['heartbeat', { url, method: 'PUT' }, /Expected `method` to be one of "GET", "POST", got "PUT"/],
    ['heartbeat', { url, events: ['backup.failed'] }, /Expected `failUrl` to be given/],
    ['heartbeat', { url, failUrl: url, events: ['backup.created'] }, /Expected `events.0` to be one of/],
    [
      'email',
      { ...mail, transport: undefined },
      /Expected `transport` to be an smtp or smtps URL, or the transport options/,
    ],
    ['email', { ...mail, transport: 'http://me:pass@x' }, /Expected `transport` .*got a string of 16 characters/],
    [
      'email',
      { ...mail, from: 'a@example.com\r\nBcc: c@example.com' },
      /Expected `from` to be text without line breaks/,
    ],
    [
      'email',
      { ...mail, to: [] },
      /Expected `to` to be an address without line breaks, or a list of them, got an array/,
    ],
    [
      'email',
      { ...mail, to: ['b@example.com\nBcc: c@example.com'] },
      /Expected `to` to be an address without line breaks/,
    ],
    ['email', { ...mail, subjectPrefix: 'a\nb' }, /Expected `subjectPrefix` to be text without line breaks/],
  ])('that do not fit throw when it is made, and no secret is repeated: %s %j', (name, options, message) => {
    expect(() => notifiers[name]?.(options)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
    );
    expect(() => notifiers[name]?.(options)).not.toThrow(/me:pass|T000|short|sixteen/);
  });

  it.each([
    [{}, /Expected `notify` to be an array, got an object/],
    [[{ url, secret }], /Expected `notify.0` to be made by email, webhook, slack or heartbeat, got an object/],
    [[{ name: 'x', events: ['x'], deliver: () => undefined }], /Expected `notify.0` to be made by/],
    [Array(21).fill(slack({ url })), /Expected `notify` to be <= 20/],
  ])('in a list that does not fit throw when the service is made: %#', (notify, message) => {
    const options = { database: '/tmp/none/app.db', directory: '/tmp/none/backups', notify: notify as never };
    expect(() => createBackupService(options)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
    );
  });

  it('say which events go where; what is trouble is the default', () => {
    const trouble = [
      'backup.failed',
      'backup.damaged',
      'restore.failed',
      'restore.interrupted',
      'database.invalid',
      'schedule.missed',
      'table.shrank',
      'disk.low',
    ];
    for (const notifier of [email(mail), webhook({ url, secret }), slack({ url })])
      expect(notifier.events).toEqual(trouble);
    expect(slack({ url, events: ['restore.finished'] }).events).toEqual(['restore.finished']);
    expect(heartbeat({ url }).events).toEqual(['backup.created']);
    expect(heartbeat({ url, failUrl: url }).events).toEqual(['backup.created', 'backup.failed']);
  });
});
