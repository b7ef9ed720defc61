import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { markOf } from '../../dist/storage/mark.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const hourMs = 3_600_000;

function someFile(): string {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, 'content');
  return file;
}

it.each([
  ['has just changed', 0, null],
  ['changed within the coarsest tick of any file system', 2_000, null],
  ['changed in the future of a clock that was set back', -hourMs, null],
  ['has settled', hourMs, expect.any(String)],
])('a file that %s: its mark is %3$s', (_what, ageMs, mark) => {
  const stats = statSync(someFile());
  expect(markOf(stats, stats.ctimeMs + ageMs)).toEqual(mark);
});

it('a file whose time of modification was put back after a change has another mark, once it has settled', () => {
  const file = someFile();
  const longAgo = new Date('2020-01-01T00:00:00Z');
  utimesSync(file, longAgo, longAgo);
  const before = statSync(file);
  writeFileSync(file, 'changed');
  utimesSync(file, longAgo, longAgo);
  const after = statSync(file);
  expect([after.ino, after.size, after.mtimeMs]).toEqual([before.ino, before.size, before.mtimeMs]);
  const later = Date.now() + hourMs;
  expect(markOf(after, later)).not.toBe(markOf(before, later));
});
