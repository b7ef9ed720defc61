import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifyOutcome } from 'express-db-backup';
import { expect, it } from 'vitest';
import { DueVerifications } from '../../dist/operations/verify/verify-due.js';
import { retentionDefaults } from '../../dist/options/retention.js';
import { verifyEverySchema } from '../../dist/options/schedule.js';
import { assembled } from '../helpers/assembled.js';
import { flipBit } from '../helpers/damage.js';
import { manifestOf } from '../helpers/invariants.js';
import { createWorkspace } from '../helpers/workspace.js';

const hourMs = 3_600_000;

/** Makes a verdict look older than it is. */
function age(directory: string, filename: string, hours: number): void {
  const file = join(directory, 'metadata', manifestOf(filename));
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { verification: { at: string } };
  manifest.verification.at = new Date(Date.now() - hours * hourMs).toISOString();
  writeFileSync(file, JSON.stringify(manifest));
}

it('verifies again what was verified long ago, the oldest verdict first, and nothing else', async () => {
  const { service, databaseFile, directory } = createWorkspace();
  const names: string[] = [];
  for (let count = 0; count < 4; count++) names.push((await service.create()).filename);
  const [fresh = '', older = '', oldest = '', rotten = ''] = names;
  age(directory, older, 30);
  age(directory, rotten, 40);
  age(directory, oldest, 50);
  flipBit(join(directory, rotten), 5_000, 3);
  const { parts } = await assembled({ database: databaseFile, directory, schedule: false, verifyEvery: '1d' });
  const verdicts: VerifyOutcome[] = [];
  parts.events.on('backup.verified', (verdict) => verdicts.push(verdict));
  parts.events.on('backup.damaged', (verdict) => verdicts.push(verdict));
  const verifications = new DueVerifications(parts, { every: 24 * hourMs, level: 'quick' });
  for (let run = 0; run < 3; run++) expect(await verifications.run()).toBe(1_000);
  expect(await verifications.run()).toBeGreaterThan(23 * hourMs);
  expect(verdicts.map(({ filename, ok }) => [filename, ok])).toEqual([
    [oldest, true],
    [rotten, false],
    [older, true],
  ]);
  expect(await service.get(rotten)).toMatchObject({ verification: { ok: false, level: 'quick' } });
  expect(await service.get(fresh)).toMatchObject({ verification: { ok: true } });
});

it('a verdict that cannot be written down holds nothing else up', async () => {
  const { service, databaseFile, directory } = createWorkspace();
  const [first, second] = [(await service.create()).filename, (await service.create()).filename];
  age(directory, first, 50);
  age(directory, second, 40);
  const { parts } = await assembled({ database: databaseFile, directory, schedule: false });
  parts.vault.update = () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' }));
  const verified: string[] = [];
  parts.events.on('backup.verified', ({ filename }) => verified.push(filename));
  const verifications = new DueVerifications(parts, { every: 24 * hourMs, level: 'quick' });
  for (let run = 0; run < 2; run++) expect(await verifications.run()).toBe(1_000);
  expect(await verifications.run()).toBeGreaterThan(0.9 * hourMs);
  expect(verified).toEqual([first, second]);
});

it('a drill that is wanted is not put off by the quick check of the create', async () => {
  const { service, databaseFile, directory } = createWorkspace();
  const { filename } = await service.create();
  const { parts } = await assembled({ database: databaseFile, directory, schedule: false });
  const drills = new DueVerifications(parts, { every: 24 * hourMs, level: 'drill' });
  await drills.run();
  expect(await service.get(filename)).toMatchObject({ verification: { ok: true, level: 'drill' } });
  expect(await drills.run()).toBeGreaterThan(23 * hourMs);
});

it('with nothing said, each backup is verified again before retention lets it go', () => {
  const { every } = verifyEverySchema.parse(undefined) ?? { every: Number.POSITIVE_INFINITY };
  expect(every).toBeLessThan((retentionDefaults.keep - 1) * 24 * hourMs);
});
