import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createWorkspace, openService } from '../helpers/workspace.js';

it('a create that died with its process is told as failed, once, whichever of several services starts first', async () => {
  const { service, directory, databaseFile } = createWorkspace();
  const run = service.create();
  const { id } = await run.started;
  await run;
  const file = join(directory, '.state', 'operations', `${id}.json`);
  const record = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...record, state: 'running', phase: 'copying', instance: '1-gone' }));
  const told: unknown[] = [];
  const lines: unknown[] = [];
  const note = (fields: object): void => void lines.push(fields);
  const logger = { debug: () => undefined, info: note, warn: note, error: note };
  const services = [1, 2, 3].map(() => openService({ database: databaseFile, directory, logger }).service);
  for (const next of services)
    next.on('backup.failed', ({ operation, error }) => told.push([operation.id, operation.state, error.code]));
  await Promise.all(services.map((next) => next.start()));
  expect(told).toEqual([[id, 'failed', 'operation_interrupted']]);
  expect(lines).toMatchObject([{ operation: id, type: 'create', outcome: 'failed' }]);
});

it('an upload is not what the rows of the next backup are compared with', async () => {
  const { service, database, databaseFile } = createWorkspace();
  await service.create();
  database.exec('DELETE FROM items');
  const { filename } = await service.create();
  database.exec("INSERT INTO items VALUES (1, 'one', x'')");
  await service.create();
  expect((await service.importFile(join(databaseFile, '..', 'backups', filename))).tables.items).toBe(0);
  database.exec('DELETE FROM items');
  expect((await service.create()).warnings).toMatchObject([expect.stringContaining('Table items is empty')]);
});
