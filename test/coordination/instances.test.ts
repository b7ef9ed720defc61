import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createInstances } from '../../dist/coordination/instances.js';
import { startFixture } from '../helpers/fixture-process.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace } from '../helpers/workspace.js';

it('the staging of a living service is never swept, and that of one that left is gone', async () => {
  const state = temporaryFolder();
  const instances = createInstances(state);
  const [stays, leaves] = [await instances.join(), await instances.join()];
  writeFileSync(join(stays.staging, 'half-done.db'), 'x');
  await leaves.leave();
  await instances.sweep();
  expect(readdirSync(stays.staging)).toEqual(['half-done.db']);
  expect([instances.isAlive(stays.id), instances.isAlive(leaves.id)]).toEqual([true, false]);
  expect(existsSync(leaves.staging)).toBe(false);
  expect(readdirSync(join(state, 'instances'))).toEqual([`${stays.id}.lock`]);
  await stays.leave();
});

it('staging of nobody that is known is swept', async () => {
  const state = temporaryFolder();
  mkdirSync(join(state, 'staging', '1-000000000000', 'deep'), { recursive: true });
  writeFileSync(join(state, 'staging', '1-000000000000', 'deep', 'left.db'), 'x');
  await createInstances(state).sweep();
  expect(readdirSync(join(state, 'staging'))).toEqual([]);
});

it('of a service in another process, staging is left alone while it lives, and swept at the next start after its death', async () => {
  const { folder, directory, service } = createWorkspace();
  const app = await startFixture('app', folder);
  app.send({ type: 'call', verb: 'reserveStaging' });
  const { value } = await app.next('done');
  const { path } = value as { path: string };
  writeFileSync(join(path, 'incoming.db'), 'x');
  await service.start();
  expect(readdirSync(path)).toEqual(['incoming.db']);
  await app.kill();
  await service.start();
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(join(directory, '.state', 'instances'))).toHaveLength(1);
});

it('a process that has the pid of a dead one is not taken for it', async () => {
  const { directory, service } = createWorkspace();
  await service.start();
  const impostor = join(directory, '.state', 'staging', `${process.pid}-000000000000`);
  mkdirSync(impostor);
  writeFileSync(join(directory, '.state', 'instances', `${process.pid}-000000000000.lock`), '');
  await service.start();
  expect(existsSync(impostor)).toBe(false);
});
