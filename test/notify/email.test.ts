import { readFileSync } from 'node:fs';
import { email, type Notification } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { startMailServer } from '../helpers/mail-server.js';
import { tell } from '../helpers/told.js';

const addresses = { from: 'Backups <backups@example.com>', to: ['ops@example.com', 'Night Watch <night@example.com>'] };
const plain = (port: number): object => ({ host: '127.0.0.1', port, secure: false, ignoreTLS: true });

describe('a mail', () => {
  it('says what failed, since when, and what to do, in plain text', async () => {
    const server = await startMailServer();
    const { fail, faults, notifications } = tell([email({ ...addresses, transport: plain(server.port) as never })]);
    fail();
    await notifications.close();
    expect(faults).toEqual([]);
    const [mail = expect.fail('No mail came.')] = server.mails;
    expect([mail.from, mail.to]).toEqual(['backups@example.com', ['ops@example.com', 'night@example.com']]);
    expect(mail.headers.get('subject')).toBe('[backup] app: backups fail (database_missing)');
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.headers.get('content-type')).toContain('text/plain');
    expect(mail.headers.get('message-id')).toMatch(/^<[0-9a-f-]{36}@here>$/);
    expect(mail.text).toContain('What: It is not there.\nSince: ');
    expect(mail.text).toContain('What to do: Check the `database` option and whether the file was moved or deleted.');
  });

  it('goes by an address of SMTP too, with the prefix that is wanted', async () => {
    const server = await startMailServer();
    const transport = `smtp://127.0.0.1:${server.port}/?ignoreTLS=true`;
    const { fail, faults, notifications } = tell([
      email({ ...addresses, to: 'ops@example.com', transport, subjectPrefix: '' }),
    ]);
    fail();
    await notifications.close();
    expect(faults).toEqual([]);
    expect(server.mails.map(({ headers }) => headers.get('subject'))).toEqual(['app: backups fail (database_missing)']);
  });

  it('is encrypted, and its sender known, as the options of the transport say', async () => {
    const users: string[] = [];
    const server = await startMailServer({
      authOptional: false,
      onAuth({ username = '', password }, _session, done) {
        users.push(username);
        if (password === 'right') done(null, { user: username });
        else done(new Error('Wrong password'));
      },
    });
    const transport = {
      host: '127.0.0.1',
      port: server.port,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: 'backups', pass: 'right' },
    };
    const { fail, faults, notifications } = tell([email({ ...addresses, transport })]);
    fail();
    await notifications.close();
    expect([faults, users, server.mails.map(({ encrypted }) => encrypted)]).toEqual([[], ['backups'], [true]]);
  });

  it('whose sender is refused is not tried again, and told without the password', async () => {
    let tries = 0;
    const server = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth({ password }, _session, done) {
        tries++;
        done(new Error(`Not with ${password}`));
      },
    });
    const transport = { ...plain(server.port), auth: { user: 'backups', pass: 'wrong-password' } };
    const { fail, faults } = tell([email({ ...addresses, transport })]);
    fail();
    await expect.poll(() => faults).toHaveLength(1);
    expect(tries).toBe(1);
    expect(faults[0]?.message).toBe(
      'The notifier email did not deliver backup.failed (trouble): EAUTH, SMTP 535 (attempts: 1).',
    );
    expect(JSON.stringify(faults[0])).not.toContain('wrong-password');
  });

  it('that is deferred is tried again', async () => {
    let refused = 0;
    const server = await startMailServer({
      onRcptTo(_address, _session, done) {
        if (refused++ > 0) return done();
        done(Object.assign(new Error('Greylisted'), { responseCode: 451 }));
      },
    });
    const { fail, faults, notifications } = tell([
      email({ ...addresses, to: 'ops@example.com', transport: plain(server.port) as never }),
    ]);
    fail();
    await expect.poll(() => server.mails).toHaveLength(1);
    await notifications.close();
    expect(faults).toEqual([]);
  });

  it('that some recipients are refused is delivered to the others once, and told to the host', async () => {
    const server = await startMailServer({
      onRcptTo({ address }, _session, done) {
        if (address === 'ops@example.com') return done();
        done(Object.assign(new Error('No such user'), { responseCode: 550 }));
      },
    });
    const { fail, faults, notifications, file } = tell([
      email({ ...addresses, transport: plain(server.port) as never }),
    ]);
    fail();
    await expect.poll(() => faults).toHaveLength(1);
    await notifications.close();
    expect(server.mails.map(({ to }) => to)).toEqual([['ops@example.com']]);
    expect(faults[0]?.message).toBe(
      'The notifier email did not deliver backup.failed (trouble): recipients refused: 1.',
    );
    expect(readFileSync(file, 'utf8')).toContain('"sent":true');
  });

  it('leaves no connection of a pool open when the service is closed, and the next service has one again', async () => {
    const open = new Set<string>();
    const server = await startMailServer({
      onConnect({ id }, done) {
        open.add(id);
        done();
      },
      onClose: ({ id }) => void open.delete(id),
    });
    const pooled = email({ ...addresses, transport: { ...plain(server.port), pool: true } as never });
    for (const round of [1, 2]) {
      const { fail, faults, notifications } = tell([pooled]);
      fail();
      await expect.poll(() => server.mails).toHaveLength(round);
      expect([faults, open.size]).toEqual([[], 1]);
      await notifications.close();
      await expect.poll(() => open.size).toBe(0);
    }
  });

  it('that no server takes is told, and holds nothing up', async () => {
    const server = await startMailServer({ onConnect: () => undefined });
    // The server cannot be closed before the sockets are, so they are given less time than the default.
    const transport = { ...plain(server.port), greetingTimeout: 300 };
    const notifier = email({ ...addresses, transport });
    const { fail, faults, notifications } = tell([{ ...notifier, attemptMs: 50 }], { pace: { attempts: 2 } });
    fail();
    await expect.poll(() => faults).toHaveLength(1);
    await notifications.close();
    expect(faults[0]?.message).toContain('no answer in time (attempts: 2)');
  });

  it('has no header and no recipient that the subject could bring', async () => {
    const server = await startMailServer();
    const notifier = email({ ...addresses, to: 'ops@example.com', transport: plain(server.port) as never });
    const title = 'app\r\nBcc: evil@example.com\r\n\r\nA body of my own';
    const signal = new AbortController().signal;
    const notification = { title, text: '.\r\nRCPT TO:<evil@example.com>\r\n', host: 'a\r\nX-Evil: 1' } as Notification;
    expect(await notifier.deliver(notification, { id: 'one', signal })).toEqual({ delivered: true });
    const [mail = expect.fail('No mail came.')] = server.mails;
    expect(mail.to).toEqual(['ops@example.com']);
    expect([...mail.headers.keys()].sort()).toEqual([
      'auto-submitted',
      'content-transfer-encoding',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'subject',
      'to',
    ]);
    expect(mail.text).not.toContain('A body of my own');
  });
});
