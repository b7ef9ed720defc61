import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { problemOf } from '../helpers/contract.js';
import { call, expressVersions, startApp } from '../helpers/http-app.js';

const incoming = (directory: string): string[] => {
  const staging = join(directory, '.state', 'staging');
  if (!existsSync(staging)) return [];
  return readdirSync(staging, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('incoming-'));
};

describe.each(expressVersions)('%s', (_version, express) => {
  it('an upload that breaks off while the host is still authenticating leaves nothing', async () => {
    let asked = 0;
    const authenticate = async (): Promise<{ id: string; roles: string[] }> => {
      asked++;
      await delay(100);
      return { id: 'slow', roles: ['DEVELOPER'] };
    };
    const app = await startApp({ express, router: { authenticate } });
    await app.service.start();
    const socket = connect(Number(new URL(app.origin).port), '127.0.0.1');
    await once(socket, 'connect');
    const head =
      'POST /api/backup/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=zz\r\nContent-Length: 100000\r\n\r\n';
    socket.write(`${head}--zz\r\nContent-Disposition: form-data; name="file"; filename="a.db"\r\n\r\nabc`);
    await expect.poll(() => asked).toBe(1);
    socket.destroy();
    await delay(300); // Longer than the host takes: only then could a directory have been left.
    await expect.poll(() => incoming(app.directory)).toEqual([]);
    await expect.poll(async () => (await app.service.status()).operation).toBe(null);
  });

  it('a vault that is refused is looked at again by the next request', async () => {
    const app = await startApp({ express });
    mkdirSync(app.directory);
    chmodSync(app.directory, 0o777);
    const refused = await call(app, 'get', '/list', { role: 'ADMIN' });
    problemOf(refused, 500, 'vault_refused');
    chmodSync(app.directory, 0o700);
    expect((await call(app, 'get', '/list', { role: 'ADMIN' })).status).toBe(200);
  });
});
