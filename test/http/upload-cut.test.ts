import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, bodyOf, listSchema, problemOf } from '../helpers/contract.js';
import { openFilesBelow } from '../helpers/file-tree.js';
import { as, call, expressVersions, type HttpApp, startApp, upload } from '../helpers/http-app.js';
import { openSocket, rawRequest, readAnswer } from '../helpers/raw-request.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

const uploadBytes = 256 * 1024;
const limited = { service: { limits: { uploadBytes } } };
const type = 'multipart/form-data; boundary=edge';
const opening =
  '--edge\r\nContent-Disposition: form-data; name="file"; filename="x.db"\r\nContent-Type: application/octet-stream\r\n\r\n';
const closing = '\r\n--edge--\r\n';

const storedBelow = ({ directory }: HttpApp): string[] => storedBackups(directory);
const expectNothingLeft = async (app: HttpApp): Promise<void> => {
  await expect.poll(() => stagedFiles(app.directory)).toEqual([]);
  await expect.poll(() => openFilesBelow(join(app.directory, '.state', 'staging'))).toEqual([]);
  expect(storedBelow(app)).toEqual([]);
};

/** A body of unknown length in chunks of 64 KiB. */
async function uploadChunked({ api }: HttpApp, bytes: number): Promise<Answer> {
  const headers = { ...as('DEVELOPER'), 'Content-Type': type, 'Transfer-Encoding': 'chunked' };
  const sending = request(`${api}/upload`, { method: 'POST', headers, agent: false });
  const answered = once(sending, 'response');
  sending.write(opening);
  for (let sent = 0; sent < bytes; sent += 65_536) sending.write(Buffer.alloc(65_536, 1));
  sending.end(closing);
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') };
}

describe.each(expressVersions)('%s: POST /upload', (_version, express) => {
  it('refuses by the announced length alone what is too large, before a byte of it came', async () => {
    const app = await startApp({ express, ...limited });
    const socket = await openSocket(app.origin);
    const { Authorization } = as('DEVELOPER');
    const head = [
      'POST /api/backup/upload HTTP/1.1',
      'Host: x',
      `Authorization: ${Authorization}`,
      `Content-Type: ${type}`,
    ];
    socket.write(`${[...head, 'Content-Length: 999999999999', '', opening].join('\r\n')}`);
    problemOf(await readAnswer(socket), 413, 'upload_too_large');
    await expectNothingLeft(app);
  });

  it('answers 413 to a client that sends the whole of what is too large', async () => {
    const app = await startApp({ express, ...limited });
    for (let round = 0; round < 5; round++) {
      problemOf(await upload(app, Buffer.alloc(8 * uploadBytes, 1)), 413, 'upload_too_large');
    }
    await call(app, 'get', '/list');
    await expectNothingLeft(app);
  });

  it('answers 413 when the body turns out too large, and removes what came', async () => {
    const app = await startApp({ express, ...limited });
    problemOf(await uploadChunked(app, 4 * uploadBytes), 413, 'upload_too_large');
    await expectNothingLeft(app);
  });

  it('takes a file of exactly the limit for what it is, and one byte more for too much', async () => {
    const app = await startApp({ express, ...limited });
    problemOf(await upload(app, Buffer.alloc(uploadBytes)), 422, 'backup_damaged');
    problemOf(await upload(app, Buffer.alloc(uploadBytes + 1)), 413, 'upload_too_large');
    await expectNothingLeft(app);
  });

  it.each([
    ['announced', 'Content-Length: 200000'],
    ['chunked', 'Transfer-Encoding: chunked'],
  ])('removes what came of an upload (%s) whose connection was cut in the middle', async (kind, lengthHeader) => {
    const app = await startApp({ express });
    const socket = await openSocket(app.origin);
    const { Authorization } = as('DEVELOPER');
    const half = opening + 'x'.repeat(100_000);
    const head = [
      'POST /api/backup/upload HTTP/1.1',
      'Host: x',
      `Authorization: ${Authorization}`,
      `Content-Type: ${type}`,
    ];
    const body = kind === 'chunked' ? `${half.length.toString(16)}\r\n${half}\r\n` : half;
    socket.write([...head, lengthHeader, '', body].join('\r\n'));
    await expect.poll(() => stagedFiles(app.directory)).toEqual(['incoming']);
    socket.destroy();
    await expectNothingLeft(app);
    expect(bodyOf(await call(app, 'get', '/list'), 200, listSchema).total).toBe(0);
    expect((await app.service.status()).operation).toBeNull();
  });

  it.each([
    ['no body', '', type],
    ['no form', '{"file":"x"}', 'application/json'],
    ['bytes without a form', 'SQLite format 3', 'application/octet-stream'],
    ['a form without a boundary', opening + closing, 'multipart/form-data'],
    ['a form without a file', '--edge\r\nContent-Disposition: form-data; name="notes"\r\n\r\nx\r\n--edge--\r\n', type],
    ['the file in another field', opening.replace('"file"', '"backup"') + closing, type],
    ['the file as a field', `--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--edge--\r\n`, type],
    ['a NUL in the name of the file', opening.replace('x.db', 'x\0.db') + closing, type],
    ['two files', `${opening}one\r\n${opening}two${closing}`, type],
    ['a form that does not end', `${opening}half`, type],
    ['a part without a name', '--edge\r\nContent-Disposition: form-data; filename="x"\r\n\r\nx\r\n--edge--\r\n', type],
    ['a part with a broken head', '--edge\r\nContent-Disp\x00osition\r\n\r\nx\r\n--edge--\r\n', type],
    ['another boundary than announced', opening.replaceAll('edge', 'other') + closing, type],
  ])('answers 400 to %s and keeps nothing', async (_what, body, contentType) => {
    const app = await startApp({ express });
    const headers = { ...as('DEVELOPER'), 'Content-Type': contentType };
    const answer = await rawRequest(app.origin, 'POST', '/api/backup/upload', headers, body);
    const { errors } = problemOf(answer, 400, 'invalid_request');
    expect(errors?.length).toBe(1);
    await expectNothingLeft(app);
  });
});
