import type { BackupService } from 'express-db-backup';
import { expect, it } from 'vitest';
import { createWorkspace, storedBackups } from '../helpers/workspace.js';

const name = 'app_backup_2026-01-01_00-00-00.db';
const id = '20260101T000000000Z-000000000000';

/** Each method with something in the place of its input. */
const calls: Record<string, (service: BackupService, input: never) => PromiseLike<unknown>> = {
  create: (service, input) => service.create(input),
  list: (service, input) => service.list(input),
  open: (service, input) => service.open(name, input),
  verify: (service, input) => service.verify(name, input),
  restore: (service, input) => service.restore(name, input),
  importFile: (service, input) => service.importFile('a.db', input),
  update: (service, input) => service.update(name, input),
  'update, the caller': (service, input) => service.update(name, {}, input),
  remove: (service, input) => service.remove(name, input),
  compare: (service, input) => service.compare(name, 'live', input),
  cleanup: (service, input) => service.cleanup(input),
  cancel: (service, input) => service.cancel(id, input),
  audit: (service, input) => service.audit(input),
  guardMigration: (service, input) => service.guardMigration(() => undefined, input),
  follow: (service, input) => service.follow(input),
};

it.each(Object.keys(calls))('%s refuses what is no input of it', async (method) => {
  const { service, directory } = createWorkspace();
  for (const input of [null, 5, 'notes', [], true, { unheardOf: 1 }, { from: 5 }, { signal: {} }, { signal: null }])
    await expect(calls[method]?.(service, input as never), JSON.stringify(input)).rejects.toMatchObject({
      name: 'BackupError',
      code: 'invalid_request',
    });
  expect(storedBackups(directory)).toEqual([]);
});

it.each([
  ['create', { notes: 5 }, 'notes'],
  ['create', { kind: 'safety' }, 'kind'],
  ['verify', { level: null }, 'level'],
  ['restore', { table: ['items'] }, 'table'],
  ['restore', { ifSha256: null }, 'ifSha256'],
  ['restore', { acceptNewTriggers: 'no' }, 'acceptNewTriggers'],
  ['update', { pin: true }, 'pin'],
  ['cleanup', { dryrun: true }, 'dryrun'],
  ['cleanup', { dryRun: 'true' }, 'dryRun'],
  ['guardMigration', { label: null }, 'label'],
])('%s says of %j which field does not fit', async (method, input, field) => {
  const { service } = createWorkspace();
  await expect(calls[method]?.(service, input as never)).rejects.toMatchObject({
    code: 'invalid_request',
    facts: { errors: [expect.objectContaining({ field })] },
  });
});

it('a file to import and an instant to follow from are what they must be', async () => {
  const { service } = createWorkspace();
  const reader = { tell: () => undefined, end: () => undefined };
  for (const file of [null, undefined, 5, '', {}, ['a.db']])
    await expect(service.importFile(file as never)).rejects.toMatchObject({ code: 'invalid_request' });
  for (const since of [null, 5, 'now', new Date(Number.NaN)])
    await expect(service.follow(reader, since as never)).rejects.toMatchObject({ code: 'invalid_request' });
});

it('an AbortSignal of another kind is one', async () => {
  const { service } = createWorkspace();
  const signal = Object.assign(new EventTarget(), { aborted: true, reason: new Error('enough') });
  await expect(service.create({ signal: signal as unknown as AbortSignal })).rejects.toMatchObject({
    code: 'operation_cancelled',
  });
});
