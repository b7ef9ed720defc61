import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const fixture = fileURLToPath(new URL('../fixtures/silent.mjs', import.meta.url));

/** What the application and every process it started wrote, and which methods of its console were called. */
function runSilent(noise = 'none') {
  const folder = temporaryFolder();
  createDatabase(join(folder, 'app.db')).close();
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, [fixture, folder, noise], { env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as { calls: string[]; codes: string[] };
  return { stdout, stderr, ...report };
}

it('without a logger nothing is written to the console, whatever succeeds or fails', () => {
  const { codes, ...written } = runSilent();
  expect(written).toEqual({ stdout: '', stderr: '', calls: [] });
  expect(codes).toEqual([
    'done',
    'done',
    'done',
    'done',
    'backup_damaged',
    'backup_not_found',
    'done',
    'database_missing',
    'internal_error',
  ]);
});

it.each([
  ['console', { stdout: 'noise\n', stderr: '', calls: ['log'] }],
  ['stderr', { stdout: '', stderr: 'noise', calls: [] }],
])('one word by way of %s is seen by this test', (noise, expected) => {
  expect(runSilent(noise)).toMatchObject(expected);
});
