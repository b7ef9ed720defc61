import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createWorkspace, type Workspace } from '../helpers/workspace.js';

const records = ({ directory }: Workspace): string[] => readdirSync(join(directory, '.state', 'operations')).sort();

it('the newest 100 finished operations stay readable, older ones become operation_not_found, and few more are kept', async () => {
  const workspace = createWorkspace();
  const { service } = workspace;
  const ids: string[] = [];
  for (let count = 0; count < 160; count++) {
    const run = service.cleanup();
    ids.push((await run.started).id);
    await run;
    expect(records(workspace).length).toBeLessThanOrEqual(150);
  }
  const kept = ids.slice(-100).map((id) => `${id}.json`);
  expect(records(workspace)).toEqual(expect.arrayContaining(kept));
  expect(await service.operation(ids.at(-100) ?? '')).toMatchObject({ type: 'cleanup', state: 'succeeded' });
  await expect(service.operation(ids[0] ?? '')).rejects.toMatchObject({ code: 'operation_not_found' });
});

it.each([
  ['nothing', ''],
  ['a way out', '../vault'],
  ['an id that never was', '20260101T000000000Z-0123456789ab'],
  ['10,000 characters', 'x'.repeat(10_000)],
])('an operation named %s is operation_not_found', async (_name, id) => {
  const { service } = createWorkspace();
  await expect(service.operation(id)).rejects.toMatchObject({ code: 'operation_not_found' });
  await expect(service.cancel(id)).rejects.toMatchObject({ code: 'operation_not_found' });
});

it('an operation that failed keeps its problem, and one that ended cannot be cancelled any more', async () => {
  const { service } = createWorkspace();
  const run = service.restore('latest');
  await expect(run).rejects.toMatchObject({ code: 'backup_not_found' });
  const { id } = await run.started;
  expect(await service.cancel(id)).toMatchObject({ state: 'failed', problem: { code: 'backup_not_found' } });
});

it('a record that is no record is as if it had been forgotten', async () => {
  const workspace = createWorkspace();
  const run = workspace.service.cleanup();
  await run;
  const { id } = await run.started;
  writeFileSync(join(workspace.directory, '.state', 'operations', `${id}.json`), '{"id": 1');
  await expect(workspace.service.operation(id)).rejects.toMatchObject({ code: 'operation_not_found' });
  expect((await workspace.service.status()).operation).toBe(null);
});
