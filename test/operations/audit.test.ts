import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { auditEntries } from '../helpers/audit.js';
import { startFixture } from '../helpers/fixture-process.js';
import { openAgain } from '../helpers/live-database.js';
import { createWorkspace, openService, type Workspace } from '../helpers/workspace.js';

/** An operation that another process began, and was killed in while it held the lock. */
async function killInRestore({ service, folder, databaseFile }: Workspace): Promise<string> {
  const { filename } = await service.create();
  const app = await startFixture('app', folder);
  const writer = openAgain(databaseFile);
  writer.exec('BEGIN IMMEDIATE');
  app.send({ type: 'call', verb: 'restore', parameters: [filename, { by: 'ada' }] });
  let told = await app.next('operation');
  while (told.phase !== 'waiting for the write lock') told = await app.next('operation');
  await app.kill();
  writer.exec('COMMIT');
  return String(told.id);
}

const recordOf = ({ directory }: Workspace, id: string): string =>
  join(directory, '.state', 'operations', `${id}.json`);

it('an operation whose process was killed has one entry, whichever of several services starts first', async () => {
  const workspace = createWorkspace();
  const { databaseFile, directory } = workspace;
  const id = await killInRestore(workspace);
  const services = [1, 2, 3].map(() => openService({ database: databaseFile, directory }).service);
  await Promise.all(services.map((service) => service.start()));
  await workspace.service.start();
  const told = auditEntries(directory).filter(({ operation }) => operation === id);
  expect(told).toMatchObject([{ action: 'restore', by: 'ada', outcome: 'failed', code: 'operation_interrupted' }]);
  expect(await workspace.service.verifyAudit()).toMatchObject({ ok: true });
});

it('an operation that was killed between its entry and its record gets no second entry', async () => {
  const workspace = createWorkspace();
  const { service, directory, databaseFile } = workspace;
  const run = service.create();
  const { id } = await run.started;
  await run;
  const record = JSON.parse(readFileSync(recordOf(workspace, id), 'utf8')) as object;
  writeFileSync(recordOf(workspace, id), JSON.stringify({ ...record, state: 'running', instance: '1-gone' }));
  const { service: next } = openService({ database: databaseFile, directory });
  await next.start();
  expect(await next.operation(id)).toMatchObject({ problem: { code: 'operation_interrupted' } });
  expect(auditEntries(directory)).toMatchObject([{ operation: id, outcome: 'succeeded' }]);
});

it('what the application’s own code does is told as done by the host, or by whom it names', async () => {
  const { service, directory } = createWorkspace();
  const { filename } = await service.create();
  await service.update(filename, { pinned: true }, { by: 'night job', from: '10.0.0.9' });
  (await service.open(filename)).destroy();
  await expect(service.remove(filename)).rejects.toMatchObject({ code: 'backup_pinned' });
  await expect(service.open('app_backup_2020-01-01_00-00-00.db')).rejects.toMatchObject({ code: 'backup_not_found' });
  const { entries } = await service.audit();
  expect(entries.map(({ action, by, from, file, outcome }) => [action, by, from, file, outcome])).toEqual([
    ['download', 'host', null, 'app_backup_2020-01-01_00-00-00.db', 'refused'],
    ['remove', 'host', null, filename, 'failed'],
    ['download', 'host', null, filename, 'succeeded'],
    ['update', 'night job', '10.0.0.9', filename, 'succeeded'],
    ['create', 'host', null, filename, 'succeeded'],
  ]);
  expect(entries.toReversed()).toEqual(auditEntries(directory));
});

it('close writes down what was refused and not yet told', async () => {
  const { service, directory } = createWorkspace();
  await service.start();
  await expect(service.open('latest')).rejects.toMatchObject({ code: 'backup_not_found' });
  await service.close();
  expect(auditEntries(directory)).toMatchObject([{ action: 'download', code: 'backup_not_found', count: 1 }]);
});
