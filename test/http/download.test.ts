import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BackupBody, problemOf } from '../helpers/contract.js';
import { openFilesBelow } from '../helpers/file-tree.js';
import { as, call, createOne, expressVersions, type HttpApp, startApp } from '../helpers/http-app.js';

interface Stored {
  readonly app: HttpApp;
  readonly backup: BackupBody;
  readonly bytes: Buffer;
}

async function store(express?: (typeof expressVersions)[number][1]): Promise<Stored> {
  const app = await startApp(express && { express });
  const backup = await createOne(app);
  return { app, backup, bytes: readFileSync(join(app.directory, backup.filename)) };
}

async function download(
  { app }: Pick<Stored, 'app'>,
  name: string,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  const response = await fetch(`${app.api}/download/${name}`, { method, headers: { ...as('ADMIN'), ...headers } });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

const openBackups = ({ directory }: HttpApp): string[] =>
  openFilesBelow(directory).filter((name) => /\.db\b/.test(name));

describe.each(expressVersions)('%s: GET /download', (_version, express) => {
  it('sends exactly the published bytes, with what a client needs to check and to keep them', async () => {
    const { app, backup, bytes } = await store(express);
    const { status, headers, body } = await download({ app }, backup.filename);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="${backup.filename}"`,
      'content-length': String(backup.size),
      'content-type': 'application/octet-stream',
      etag: `"${backup.sha256}"`,
      'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
      'x-content-type-options': 'nosniff',
    });
    expect(headers).not.toHaveProperty('content-range');
    expect(createHash('sha256').update(body).digest('hex')).toBe(backup.sha256);
    expect(body.equals(bytes)).toBe(true);
  });

  it('takes `latest` for the newest backup and names the file it sends', async () => {
    const { app, backup } = await store(express);
    const { headers } = await download({ app }, 'latest');
    expect(headers['content-disposition']).toBe(`attachment; filename="${backup.filename}"`);
  });

  it('answers HEAD with the same headers and no body, and leaves no file open', async () => {
    const { app, backup } = await store(express);
    const { headers: get } = await download({ app }, backup.filename);
    const head = await download({ app }, backup.filename, {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.body.length).toBe(0);
    const ofTheFile = ({ date: _date, connection: _connection, 'keep-alive': _keepAlive, ...rest }: typeof get) => rest;
    expect(ofTheFile(head.headers)).toEqual(ofTheFile(get));
    const ranged = await download({ app }, backup.filename, { Range: 'bytes=0-9' }, 'HEAD');
    expect([ranged.status, ofTheFile(ranged.headers)]).toEqual([200, ofTheFile(get)]);
    expect(openBackups(app)).toEqual([]);
  });
});

describe('GET /download', () => {
  it.each([
    ['the first byte', 'bytes=0-0', (size: number) => [0, size > 0 ? 0 : -1]],
    ['the middle', 'bytes=100-4199', () => [100, 4199]],
    ['from the middle to the end', 'bytes=5000-', (size: number) => [5000, size - 1]],
    ['the last bytes', 'bytes=-16', (size: number) => [size - 16, size - 1]],
    ['more than there is', 'bytes=100-999999999', (size: number) => [100, size - 1]],
    ['more last bytes than there are', 'bytes=-999999999', (size: number) => [0, size - 1]],
  ])('sends %s for %s', async (_what, range, expected) => {
    const { app, backup, bytes } = await store();
    const { status, headers, body } = await download({ app }, backup.filename, { Range: range });
    const [start = 0, end = 0] = expected(bytes.length);
    expect(status).toBe(206);
    expect(headers['content-range']).toBe(`bytes ${start}-${end}/${bytes.length}`);
    expect(headers['content-length']).toBe(String(end - start + 1));
    expect(headers.etag).toBe(`"${backup.sha256}"`);
    expect(body.equals(bytes.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=999999999-', 'bytes=-0', 'bytes=5-1'])('answers 416 with the size for %s', async (range) => {
    const { app, backup } = await store();
    const answer = await call(app, 'get', `/download/${backup.filename}`, { headers: { Range: range } });
    expect(problemOf(answer, 416, 'range_not_satisfiable').size).toBe(backup.size);
    expect(answer.headers['content-range']).toBe(`bytes */${backup.size}`);
    expect(openBackups(app)).toEqual([]);
  });

  it.each(['bytes=0-1,5-6', 'rows=0-1', 'bytes', 'bytes=x-y', 'bytes=0-1;2-3'])(
    'sends the whole file for %s',
    async (range) => {
      const { app, backup, bytes } = await store();
      const { status, body } = await download({ app }, backup.filename, { Range: range });
      expect(status).toBe(200);
      expect(body.equals(bytes)).toBe(true);
    },
  );

  it('goes on with a download that was cut, and starts anew when the file is another one', async () => {
    const { app, backup, bytes } = await store();
    const Range = 'bytes=4096-';
    const same = await download({ app }, backup.filename, { Range, 'If-Range': `"${backup.sha256}"` });
    expect(same.status).toBe(206);
    expect(Buffer.concat([bytes.subarray(0, 4096), same.body]).equals(bytes)).toBe(true);
    for (const other of [`"${'0'.repeat(64)}"`, `W/"${backup.sha256}"`, backup.sha256, new Date().toUTCString()]) {
      const whole = await download({ app }, backup.filename, { Range, 'If-Range': other });
      expect({ other, status: whole.status }).toEqual({ other, status: 200 });
      expect(whole.body.equals(bytes)).toBe(true);
    }
  });

  it('serves two hundred clients at once, each with all bytes, and closes every file', async () => {
    const { app, backup } = await store();
    let mostOpen = 0;
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const answer = await download({ app }, backup.filename);
        mostOpen = Math.max(mostOpen, openBackups(app).length);
        return answer;
      }),
    );
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(createHash('sha256').update(body).digest('hex')).toBe(backup.sha256);
    }
    expect(mostOpen).toBeLessThanOrEqual(32);
    await expect.poll(() => openBackups(app)).toEqual([]);
  });

  it('sends a stray file, for which nobody vouches, without a validator', async () => {
    const { app, backup, bytes } = await store();
    rmSync(join(app.directory, 'metadata', backup.filename.replace('.db', '.json')));
    const { status, headers, body } = await download({ app }, backup.filename);
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('etag');
    expect(headers).not.toHaveProperty('repr-digest');
    expect(body.equals(bytes)).toBe(true);
  });
});
