import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EventStream } from '../../dist/http/event-stream.js';
import type { FeedEvent } from '../../dist/operations/follow/feed-event.js';

const at = '2026-01-01T00:00:00.000Z';
const operation = (id: string, phase: string, result: unknown = null): FeedEvent =>
  ({ at, name: 'operation', data: { id, phase, result } }) as unknown as FeedEvent;
const backup = (filename: string): FeedEvent => ({ at, name: 'backup', data: { type: 'created', filename } });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The stream, and what a reader that takes everything has been given. */
function readStream(): { stream: EventStream; taken: string[] } {
  const stream = new EventStream();
  const taken: string[] = [];
  stream.on('data', (chunk: string) => taken.push(chunk));
  return { stream, taken };
}

it('a comment comes every 15 s, and after 15 minutes the stream ends', async () => {
  const { stream, taken } = readStream();
  await turn();
  expect(taken).toEqual(['retry: 3000\n\n']);
  await vi.advanceTimersByTimeAsync(14_999);
  expect(taken).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(taken.slice(1)).toEqual([':\n\n']);
  const ended = new Promise((resolve) => stream.once('end', resolve));
  await vi.advanceTimersByTimeAsync(15 * 60_000 - 15_000);
  await ended;
  expect(taken.length).toBeGreaterThan(55);
  expect(taken.length).toBeLessThanOrEqual(61);
});

it('an event is told at once to a reader that reads', async () => {
  const { stream, taken } = readStream();
  await turn();
  stream.tell(backup('x.db'));
  expect(taken.at(-1)).toBe(`event: backup\nid: ${at}\ndata: {"type":"created","filename":"x.db"}\n\n`);
  stream.destroy();
});

it('for a reader that does not read, an operation costs one state however often it changes, and it gets the newest', async () => {
  const stream = new EventStream();
  const slow = new PassThrough({ highWaterMark: 1 });
  stream.pipe(slow);
  await turn();
  for (let step = 0; step < 100_000; step++) stream.tell(operation(`op ${step % 5}`, `step ${step}`));
  expect(stream.readableLength).toBeLessThan(200_000);
  expect(stream.destroyed).toBe(false);
  let text = '';
  slow.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  await turn();
  await vi.waitFor(() => expect(text).toContain('step 99999'));
  expect(text.match(/^event:/gm)?.length).toBeLessThan(5_000);
  stream.destroy();
  slow.destroy();
});

it('a reader that is too far behind is cut off', async () => {
  for (const news of [
    (n: number) => backup(`${n}.db`),
    (n: number) => operation(`${n}`, 'done', 'x'.repeat(100_000)),
  ]) {
    const stream = new EventStream();
    let told = 0;
    while (!stream.destroyed && told < 100_000) stream.tell(news(told++));
    expect(told).toBeLessThan(2_000);
    stream.tell(backup('late.db'));
    await turn();
    expect(stream.closed).toBe(true);
  }
});

it('end passes on what was told, once, and nothing after it', async () => {
  const { stream, taken } = readStream();
  await turn();
  stream.tell(backup('x.db'));
  stream.end();
  stream.end();
  stream.tell(backup('y.db'));
  await turn();
  expect(stream.closed).toBe(true);
  expect(taken.join('')).toContain('x.db');
  expect(taken.join('')).not.toContain('y.db');
});
