import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generations, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, openService, stagedFiles, storedBackups } from '../helpers/workspace.js';

it('a vault that is deleted while the application runs is made again by the next operation', async () => {
  const { database, directory, service } = createWorkspace();
  await service.start();
  await service.create();
  rmSync(directory, { recursive: true });
  expect(await service.list()).toMatchObject({ total: 0 });
  const { filename } = await service.create();
  expect(storedBackups(directory)).toEqual([filename]);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  setGeneration(database, 'second');
  await service.restore(filename);
  expect(generations(database)).toBe('first:500');
  expect(await service.verify(filename)).toMatchObject({ ok: true });
});

it('without its .state the backups stay, and every operation works again', async () => {
  const { databaseFile, directory, service } = createWorkspace();
  const { filename } = await service.create();
  rmSync(join(directory, '.state'), { recursive: true });
  const [verified, created] = await Promise.all([service.verify(filename), service.create()]);
  expect(verified).toMatchObject({ ok: true });
  expect(storedBackups(directory)).toEqual([filename, created.filename].sort());
  await (await service.reserveStaging()).release();
  expect(readdirSync(join(directory, '.state', 'instances'))).toHaveLength(1);
  const { service: other } = openService({ database: databaseFile, directory });
  await other.start();
  expect(await other.cleanup()).toMatchObject({ failed: [] });
  expect(stagedFiles(directory)).toEqual([]);
});

it('one of two services still works when the .state of both is deleted, and knows of the other again', async () => {
  const { databaseFile, directory, service } = createWorkspace();
  const { service: other } = openService({ database: databaseFile, directory });
  await Promise.all([service.start(), other.start()]);
  rmSync(join(directory, '.state'), { recursive: true });
  await service.create();
  const run = other.create();
  const { id } = await run.started;
  expect(await service.operation(id)).toMatchObject({ id, state: 'running' });
  await run;
});
