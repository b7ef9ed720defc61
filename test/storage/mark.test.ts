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

it('a file whose time of modification was set back has another mark and has not settled', () => {
  const file = someFile();
  const before = statSync(file);
  utimesSync(file, before.atime, new Date(before.mtimeMs - hourMs));
  const after = statSync(file);
  expect(markOf(after, after.ctimeMs)).toBe(null);
  utimesSync(file, before.atime, before.mtime);
  expect(markOf(statSync(file), Date.now() + hourMs)).not.toBe(markOf(before, Date.now() + hourMs));
});
