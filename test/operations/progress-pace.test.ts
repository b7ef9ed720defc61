import { expect, it } from 'vitest';
import type { Operation } from '../../dist/coordination/operation.js';
import { measurePace } from '../../dist/operations/follow/progress-pace.js';

const mebibyte = 1024 ** 2;
const operation = (done: number, total: number, change: object = {}): Operation =>
  ({ phase: 'copying', progress: { done, total, unit: 'bytes' }, ...change }) as Operation;

it('the rate and the time left follow from how much was done in how long', () => {
  const progressOf = measurePace();
  expect(progressOf(operation(0, 100 * mebibyte), 0)).toEqual({
    done: 0,
    total: 100 * mebibyte,
    unit: 'bytes',
    fraction: 0,
    bytesPerSecond: null,
    secondsLeft: null,
  });
  expect(progressOf(operation(25 * mebibyte, 100 * mebibyte), 1_000)).toMatchObject({
    fraction: 0.25,
    bytesPerSecond: 25 * mebibyte,
    secondsLeft: 3,
  });
});

it('the rate is that of the last seconds, not of the whole phase', () => {
  const progressOf = measurePace();
  const total = 1_000 * mebibyte;
  let done = 0;
  for (let second = 0; second < 60; second++) {
    if (second > 0) done += (second < 30 ? 20 : 2) * mebibyte;
    progressOf(operation(done, total), second * 1_000);
  }
  done += 2 * mebibyte;
  expect(progressOf(operation(done, total), 60_000)).toMatchObject({ bytesPerSecond: 2 * mebibyte });
});

it('a new phase begins anew, and so does work that is done over', () => {
  const progressOf = measurePace();
  progressOf(operation(0, 100), 0);
  expect(progressOf(operation(50, 100), 1_000)).toMatchObject({ secondsLeft: 1 });
  expect(progressOf(operation(50, 100, { phase: 'verifying' }), 2_000)).toMatchObject({ secondsLeft: null });
  expect(progressOf(operation(100, 100, { phase: 'verifying' }), 3_000)).toMatchObject({ secondsLeft: 0, fraction: 1 });
  expect(progressOf(operation(10, 100, { phase: 'verifying' }), 4_000)).toMatchObject({ secondsLeft: null });
});

it('of what is not known nothing is told: no total, no progress, no bytes', () => {
  const progressOf = measurePace();
  expect(progressOf(operation(0, 0, { progress: null }), 0)).toBe(null);
  expect(progressOf(operation(0, 0), 0)).toMatchObject({ fraction: null, secondsLeft: null });
  const pages = (done: number) => ({ phase: 'replacing', progress: { done, total: 100, unit: 'pages' } });
  progressOf(operation(0, 0, pages(0)), 0);
  expect(progressOf(operation(0, 0, pages(50)), 2_000)).toMatchObject({
    fraction: 0.5,
    bytesPerSecond: null,
    secondsLeft: 2,
  });
});
