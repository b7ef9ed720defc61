import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifyOutcome } from 'express-db-backup';
import { expect, it, vi } from 'vitest';
import { flipBit } from '../helpers/damage.js';
import { manifestOf } from '../helpers/invariants.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

/** Makes a verdict look older than it is. */
function age(directory: string, filename: string, hours: number): void {
  const file = join(directory, 'metadata', manifestOf(filename));
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { verification: { at: string } };
  manifest.verification.at = new Date(Date.now() - hours * 3_600_000).toISOString();
  writeFileSync(file, JSON.stringify(manifest));
}

it('a started service verifies again what was verified long ago, the oldest verdict first, and nothing else', async () => {
  const { service, databaseFile, directory } = createWorkspace();
  const names: string[] = [];
  for (let count = 0; count < 4; count++) names.push((await service.create()).filename);
  const [fresh = '', older = '', oldest = '', rotten = ''] = names;
  age(directory, older, 30);
  age(directory, rotten, 40);
  age(directory, oldest, 50);
  flipBit(join(directory, rotten), 5_000, 3);
  const next = openService({ database: databaseFile, directory, schedule: false, verifyEvery: '1d' }).service;
  const verdicts: VerifyOutcome[] = [];
  next.on('backup.verified', (verdict) => verdicts.push(verdict));
  next.on('backup.damaged', (verdict) => verdicts.push(verdict));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    await next.start();
    for (let second = 0; second < 200; second++) await vi.advanceTimersByTimeAsync(1_000);
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(verdicts).toHaveLength(3);
    }, 20_000);
  } finally {
    vi.useRealTimers();
  }
  expect(verdicts.map(({ filename, ok }) => [filename, ok])).toEqual([
    [oldest, true],
    [rotten, false],
    [older, true],
  ]);
  expect(await next.get(rotten)).toMatchObject({ verification: { ok: false, level: 'quick' } });
  expect(await next.get(fresh)).toMatchObject({ verification: { ok: true } });
});
