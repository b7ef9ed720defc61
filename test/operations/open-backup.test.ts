import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { createWorkspace } from '../helpers/workspace.js';

it('a backup is read as a stream, and may be removed when the stream has ended', async () => {
  const { service } = createWorkspace();
  const { filename, sha256 } = await service.create();
  const hash = createHash('sha256');
  await pipeline(await service.open(filename), hash);
  expect(hash.digest('hex')).toBe(sha256);
  await service.remove(filename);
});

it('a backup is not removed while a stream or a file of it is open', async () => {
  const { service } = createWorkspace();
  const { filename } = await service.create();
  const stream = await service.open('latest');
  await expect(service.remove(filename)).rejects.toMatchObject({ code: 'backup_in_use' });
  stream.destroy();
  const { backup, file } = await service.openFile(filename);
  expect(file.size).toBe(backup.size);
  await expect(service.remove(filename)).rejects.toMatchObject({ code: 'backup_in_use' });
  expect(await text(file.read({ start: 0, end: 14 }))).toBe('SQLite format 3');
  await service.remove(filename);
  await expect(service.open(filename)).rejects.toMatchObject({ code: 'backup_not_found' });
});
