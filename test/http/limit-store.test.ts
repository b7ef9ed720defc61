import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LimitStore } from '../../dist/http/limit-store.js';

const windowMs = 60_000;
const start = Date.UTC(2026, 0, 1);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: start });
});
afterEach(() => {
  vi.useRealTimers();
});

it('counts in a window that begins with the first request', () => {
  const store = new LimitStore(windowMs);
  expect(store.increment('a')).toEqual({ totalHits: 1, resetTime: new Date(start + windowMs) });
  vi.setSystemTime(start + windowMs - 1);
  expect(store.increment('a')).toEqual({ totalHits: 2, resetTime: new Date(start + windowMs) });
  expect(store.get('b')?.totalHits ?? 0).toBe(0);
  vi.setSystemTime(start + windowMs);
  expect(store.get('a')?.totalHits ?? 0).toBe(0);
  expect(store.increment('a')).toEqual({ totalHits: 1, resetTime: new Date(start + 2 * windowMs) });
});

it('a count is taken back in its own window only', () => {
  const store = new LimitStore(windowMs);
  const { resetTime } = store.increment('a');
  store.increment('a');
  store.giveBack('a', resetTime);
  expect(store.get('a')?.totalHits ?? 0).toBe(1);
  vi.setSystemTime(start + windowMs);
  store.increment('a');
  store.giveBack('a', resetTime);
  expect(store.get('a')?.totalHits ?? 0).toBe(1);
});

it('a clock that is set back by a day locks nobody out', () => {
  const store = new LimitStore(windowMs);
  store.increment('a');
  vi.setSystemTime(start - 24 * 3_600_000);
  expect(store.get('a')?.totalHits ?? 0).toBe(0);
  expect(store.increment('a').totalHits).toBe(1);
});

it('of 100,000 callers the latest 10,000 are remembered, and of them each', () => {
  const store = new LimitStore(windowMs);
  for (let caller = 0; caller < 100_000; caller++) store.increment(`${caller}`);
  const remembered = Array.from({ length: 100_000 }, (_, caller) => store.get(`${caller}`)?.totalHits ?? 0).reduce(
    (a, b) => a + b,
  );
  expect(remembered).toBe(10_000);
  expect(store.get('99999')?.totalHits ?? 0).toBe(1);
  expect(store.get('90000')?.totalHits ?? 0).toBe(1);
  expect(store.get('89999')?.totalHits ?? 0).toBe(0);
});
