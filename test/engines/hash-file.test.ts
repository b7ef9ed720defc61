import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hashFile } from '../../dist/engines/hash-file.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

it.each([0, 1, 1024 * 1024, 3 * 1024 * 1024 + 1])(
  'a file of %i bytes has the digest of exactly its bytes',
  async (length) => {
    const bytes = randomBytes(length);
    const file = join(temporaryFolder(), 'bytes');
    writeFileSync(file, bytes);
    await expect(hashFile(file)).resolves.toBe(createHash('sha256').update(bytes).digest('hex'));
  },
);

it('a file that is not there has no digest', async () => {
  await expect(hashFile(join(temporaryFolder(), 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('a directory has no digest', async () => {
  const directory = join(temporaryFolder(), 'directory');
  mkdirSync(directory);
  await expect(hashFile(directory)).rejects.toMatchObject({ code: 'EISDIR' });
});
