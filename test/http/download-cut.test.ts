import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problemOf } from '../helpers/contract.js';
import { openFilesBelow } from '../helpers/file-tree.js';
import { as, call, createOne, type HttpApp, startApp } from '../helpers/http-app.js';

/** More than the sockets of both sides hold, so that a client that does not read stops the server. */
const fillerBytes = 32 * 1024 * 1024;

async function appWithLargeBackup(sockets: Socket[] = []): Promise<{ app: HttpApp; filename: string }> {
  const authenticate = (request: IncomingMessage) => {
    sockets.push(request.socket);
    return { id: 'dev', roles: ['DEVELOPER'] };
  };
  const app = await startApp({ router: { authenticate } });
  app.database.exec(`CREATE TABLE large (content BLOB); INSERT INTO large VALUES (zeroblob(${fillerBytes}))`);
  const { filename } = await createOne(app);
  return { app, filename };
}

/** A client that took the head of the answer and nothing more. */
async function stalledDownload(app: HttpApp, filename: string): Promise<IncomingMessage> {
  const request = get(`${app.api}/download/${filename}`, { headers: as('ADMIN'), agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  return response;
}

const openBackups = ({ directory }: HttpApp): string[] =>
  openFilesBelow(directory).filter((name) => /\.db\b/.test(name));

describe('a download in its middle', () => {
  it('keeps the backup from being deleted until it ends, and completes', async () => {
    const { app, filename } = await appWithLargeBackup();
    const response = await stalledDownload(app, filename);
    const refused = await call(app, 'delete', `/${filename}`);
    problemOf(refused, 409, 'backup_in_use');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(Number(response.headers['content-length']));
    await expect.poll(() => openBackups(app)).toEqual([]);
    expect((await call(app, 'delete', `/${filename}`)).status).toBe(204);
  });

  it('keeps the backup from being removed by a cleanup', async () => {
    const { app, filename } = await appWithLargeBackup();
    const response = await stalledDownload(app, filename);
    for (let backup = 0; backup < 8; backup++) await app.service.create();
    const { kept } = await app.service.cleanup();
    expect(kept).toContainEqual({ filename, reason: 'being read' });
    response.destroy();
    await expect.poll(() => openBackups(app)).toEqual([]);
    expect((await app.service.cleanup()).deleted.map((decision) => decision.filename)).toEqual([filename]);
  });

  it('completes with the bytes it began with when another process removes the file', async () => {
    const { app, filename } = await appWithLargeBackup();
    const response = await stalledDownload(app, filename);
    rmSync(join(app.directory, filename));
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(Number(response.headers['content-length']));
  });

  it('lets go of the file when its client goes away', async () => {
    const { app, filename } = await appWithLargeBackup();
    const responses = await Promise.all(Array.from({ length: 20 }, () => stalledDownload(app, filename)));
    expect(openBackups(app).length).toBe(20);
    for (const response of responses) response.destroy();
    await expect.poll(() => openBackups(app)).toEqual([]);
    expect((await call(app, 'delete', `/${filename}`)).status).toBe(204);
  });

  it('lets go of the file when its client stops reading without going away', async () => {
    const sockets: Socket[] = [];
    const { app, filename } = await appWithLargeBackup(sockets);
    await stalledDownload(app, filename);
    const socket = sockets.at(-1);
    expect(socket?.timeout).toBe(60_000);
    expect(openBackups(app).length).toBe(1);
    socket?.emit('timeout');
    await expect.poll(() => openBackups(app)).toEqual([]);
  });

  it('gives its turn to the next one, also when clients give up while they wait', async () => {
    const { app, filename } = await appWithLargeBackup();
    const reading = await Promise.all(Array.from({ length: 32 }, () => stalledDownload(app, filename)));
    const waiting = Array.from({ length: 5 }, () => new AbortController());
    const gaveUp = waiting.map(({ signal }) =>
      fetch(`${app.api}/download/${filename}`, { signal, headers: as('ADMIN') }),
    );
    const patient = fetch(`${app.api}/download/${filename}`, { headers: as('ADMIN') });
    for (const controller of waiting) controller.abort();
    await Promise.allSettled(gaveUp);
    expect(openBackups(app).length).toBe(32);
    for (const response of reading) response.destroy();
    expect((await (await patient).arrayBuffer()).byteLength).toBeGreaterThan(fillerBytes);
    await expect.poll(() => openBackups(app)).toEqual([]);
  });
});
