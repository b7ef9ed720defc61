import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { childrenOf } from '../helpers/child-processes.js';
import { type Call, call, createOne, type Method, phrase, startApp } from '../helpers/http-app.js';
import { generations, integrity } from '../helpers/live-database.js';
import { stagedFiles } from '../helpers/workspace.js';

/** One that changes, two that read (limits.parallelReaders), and one that is just ending. */
const mostChildren = 4;
type Request = [Method, string, Call?];
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

it('of 50 requests of every kind at once each is answered, few work at a time, and nothing stays open', async () => {
  const app = await startApp({ live: { rows: 3_000 } });
  const { filename } = await createOne(app);
  const requests: Request[] = [
    ['post', '/create', { body: {} }],
    ['post', `/restore/${filename}`, { body: { confirm: phrase } }],
    ['post', `/verify/${filename}`, { body: { level: 'quick' } }],
    ['get', '/list'],
    ['get', '/stats'],
    ['get', '/status'],
    ['get', `/download/${filename}`],
    ['post', '/cleanup', { body: {} }],
    ['delete', `/${filename}_missing.db`],
    ['get', `/download/${filename}`, { headers: { Range: 'bytes=0-99' } }],
  ];
  await Promise.all(requests.map((request) => call(app, ...request)));
  const before = openDescriptors();
  let children = 0;
  const watch = setInterval(() => {
    children = Math.max(children, childrenOf(process.pid).length);
  }, 5);
  const storm = Array.from({ length: 5 }, () => requests).flat();
  const statuses = await Promise.all(storm.map(async (request) => (await call(app, ...request)).status));
  clearInterval(watch);
  expect(statuses.filter((status) => ![200, 201, 206, 404, 409].includes(status))).toEqual([]);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(25);
  expect(children).toBeGreaterThan(0);
  expect(children).toBeLessThanOrEqual(mostChildren);
  await expect.poll(openDescriptors).toBeLessThanOrEqual(before);
  await expect.poll(() => childrenOf(process.pid)).toEqual([]);
  expect(stagedFiles(app.directory)).toEqual([]);
  expect(generations(app.database)).toBe('first:3000');
  expect(integrity(app.database)).toBe('ok');
});
