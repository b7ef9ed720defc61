import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createWorkspace } from '../helpers/workspace.js';

it('at most eight files come in at a time; the next one waits for a place, and each place is given back once', async () => {
  const { service } = createWorkspace();
  const reservations = await Promise.all(Array.from({ length: 8 }, () => service.reserveStaging()));
  expect(new Set(reservations.map(({ path }) => path)).size).toBe(8);
  let more = 0;
  const waiting = [service.reserveStaging(), service.reserveStaging()];
  for (const reservation of waiting) void reservation.then(() => more++);
  await delay(20);
  expect(more).toBe(0);
  await reservations[0]?.release();
  await reservations[0]?.release();
  const ninth = await waiting[0];
  await delay(20);
  expect(more).toBe(1);
  expect(existsSync(ninth?.path ?? '')).toBe(true);
  await reservations[1]?.release();
  expect(existsSync((await waiting[1])?.path ?? '')).toBe(true);
});
