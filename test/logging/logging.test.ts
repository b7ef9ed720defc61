import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type Engine, type Logger, type Operation, type ServiceEvents, sqlite } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { createEvents } from '../../dist/events/event-listeners.js';
import { logEvents } from '../../dist/logging/log-events.js';
import { LineLogger } from '../helpers/line-logger.js';
import { openDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

function createLogged() {
  const logger = new LineLogger();
  const workspace = createWorkspace({ service: { logger } });
  const operations: Operation[] = [];
  workspace.service.on('operation', (operation) => operation.state !== 'running' && operations.push(operation));
  return { logger, operations, ...workspace };
}

describe('the log', () => {
  it('has one line for each operation when it ends, with its ids', async () => {
    const { service, logger, operations } = createLogged();
    const { filename } = await service.create({ by: 'alice' });
    await service.verify(filename, { by: 'bob' });
    await service.restore(filename, { by: 'carol' });
    await service.cleanup();
    await service.remove(filename);
    const expected = [
      ['create', 'alice', filename],
      ['verify', 'bob', filename],
      ['restore', 'carol', filename],
      ['cleanup', 'host', null],
      ['remove', 'host', filename],
    ];
    expect(logger.lines).toEqual(
      expected.map(([type, by, file], index) => ({
        level: 'info',
        message: `${type} succeeded`,
        fields: {
          database: 'app.db',
          operation: operations[index]?.id,
          type,
          by,
          outcome: 'succeeded',
          file,
          durationMs: expect.any(Number),
          code: null,
        },
      })),
    );
    expect(logger.debugLines.map(({ message }) => message)).toEqual(expected.map(([type]) => `${type} began`));
  });

  it('has the code and the detail of a failure', async () => {
    const { service, logger, operations } = createLogged();
    await expect(service.verify('app_backup_2020-01-01_00-00-00.db')).rejects.toMatchObject({
      code: 'backup_not_found',
    });
    expect(logger.lines).toEqual([
      {
        level: 'error',
        message: 'verify failed',
        fields: expect.objectContaining({
          operation: operations[0]?.id,
          outcome: 'failed',
          code: 'backup_not_found',
          detail: 'There is no backup named app_backup_2020-01-01_00-00-00.db.',
        }),
      },
    ]);
  });

  it('tells a cancelled operation as a warning', async () => {
    const { service, logger } = createLogged();
    const controller = new AbortController();
    service.on('operation', () => controller.abort());
    await expect(service.create({ signal: controller.signal })).rejects.toMatchObject({ code: 'operation_cancelled' });
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([['warn', 'create cancelled']]);
  });

  it('warns of a damaged backup and of a table that lost its rows', async () => {
    const { service, logger, directory, database } = createLogged();
    const first = await service.create();
    database.exec('DELETE FROM items');
    const second = await service.create();
    appendFileSync(join(directory, second.filename), 'garbage');
    await service.verify(second.filename);
    const warnings = logger.lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual([
      'a table lost all its rows since the previous backup',
      'create succeeded',
      'a backup is damaged',
    ]);
    expect(warnings[0]?.fields).toEqual({
      database: 'app.db',
      file: second.filename,
      table: 'items',
      before: 500,
      after: 0,
      previous: first.filename,
    });
    expect(warnings[1]?.fields.warnings).toEqual([expect.stringContaining('Table items is empty')]);
    expect(warnings[2]?.fields).toMatchObject({
      file: second.filename,
      checked: 'full',
      problems: [expect.any(String)],
    });
  });

  it('takes no name that belongs to the line itself', async () => {
    const { service, logger, directory, internalErrors } = createLogged();
    const { filename } = await service.create();
    appendFileSync(join(directory, filename), 'garbage');
    await service.verify(filename);
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'backup_damaged' });
    service.on('backup.created', () => {
      throw new Error('a line with a cause');
    });
    await service.create();
    internalErrors.length = 0;
    const names = new Set([...logger.lines, ...logger.debugLines].flatMap(({ fields }) => Object.keys(fields)));
    expect(names.size).toBeGreaterThan(10);
    for (const reserved of ['level', 'time', 'timestamp', 'pid', 'hostname', 'name', 'msg', 'message', 'stack'])
      expect(names).not.toContain(reserved);
  });

  it('tells what retention removed, also after a create', async () => {
    const logger = new LineLogger();
    const { service } = createWorkspace({ service: { logger, retention: { keep: 1 } } });
    const { filename } = await service.create();
    await service.create();
    const removals = logger.lines.filter(({ message }) => message === 'retention removed backups');
    expect(removals).toEqual([
      {
        level: 'info',
        message: 'retention removed backups',
        fields: { database: 'app.db', removed: 1, files: [filename] },
      },
    ]);
  });
});

describe('the cause of an internal error', () => {
  it('is in a line of its own, and in no other', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'app.db');
    openDatabase(path);
    const cause = new Error('the secret cause');
    const faulty: Engine = { ...sqlite({ path }), snapshot: () => Promise.reject(cause) };
    const logger = new LineLogger();
    const opened = openService({ database: faulty, directory: join(folder, 'backups'), logger });
    await expect(opened.service.create()).rejects.toMatchObject({ code: 'internal_error' });
    opened.internalErrors.length = 0;
    const [told, operation] = logger.lines;
    expect(told).toMatchObject({ level: 'error', message: 'internal error', fields: { err: cause } });
    expect(operation).toMatchObject({
      level: 'error',
      message: 'create failed',
      fields: { code: 'internal_error', instance: told?.fields.instance },
    });
    expect(told?.fields.instance).toMatch(/^urn:uuid:/);
    expect(inspect(operation)).not.toContain('the secret cause');
  });
});

/** Events without the fields that make no part of a line. */
function logEmitted() {
  const logger = new LineLogger();
  const events = createEvents<ServiceEvents>();
  logEvents({ logger, database: 'app.db', events });
  const emit = <Name extends keyof ServiceEvents>(name: Name, logged: object): void =>
    events.emit(name, logged as ServiceEvents[Name]);
  return { logger, emit };
}

it('what only later parts of the service tell has its line too', () => {
  const { logger, emit } = logEmitted();
  emit('schedule.missed', { dueAt: '2026-01-08T21:00:00.000Z', reason: 'still_running', runs: 2 });
  emit('disk.low', { freeBytes: 5, neededBytes: 10 });
  emit('restore.interrupted', { restored: 'a.db', live: 'new', safetyBackup: 'b.db' });
  emit('cleanup.finished', { deleted: [], failed: [{ filename: 'a.db', reason: 'held' }] });
  expect(logger.lines.map(({ level, message, fields }) => [level, message, Object.keys(fields)])).toEqual([
    ['warn', 'a scheduled run was missed', ['database', 'dueAt', 'reason', 'runs']],
    ['warn', 'there may be no room for the next backups', ['database', 'freeBytes', 'neededBytes']],
    ['warn', 'a restore was interrupted; this is what it left', ['database', 'restored', 'live', 'safetyBackup']],
    ['warn', 'retention could not remove backups', ['database', 'failed']],
  ]);
});

it('one that failed before it began has its line, and one that had begun has no second one', () => {
  const { logger, emit } = logEmitted();
  const operation = {
    id: 'an id',
    type: 'create',
    state: 'failed',
    startedAt: '2026-01-08T21:00:00.000Z',
    startedBy: 'alice',
    finishedAt: '2026-01-08T21:00:02.000Z',
    result: null,
    problem: { code: 'vault_read_only', detail: 'The vault cannot be written to.' },
  };
  emit('backup.failed', { operation: { ...operation, phase: 'starting' } });
  emit('operation', { ...operation, phase: 'done' });
  emit('backup.failed', { operation: { ...operation, phase: 'done' } });
  expect(logger.lines.map(({ message, fields }) => [message, fields.code, fields.durationMs])).toEqual([
    ['create failed', 'vault_read_only', 2_000],
    ['create failed', 'vault_read_only', 2_000],
  ]);
});

it('whoever names himself cleverly writes no line of his own', async () => {
  const { service, logger } = createLogged();
  const by = 'mallory\n{"level":30,"msg":"restore succeeded"}';
  await service.create({ by });
  expect(logger.lines.map(({ message }) => message)).toEqual(['create succeeded']);
  expect(logger.lines[0]?.fields.by).toBe(by);
});

describe('a logger that fails', () => {
  const failing = (fail: () => unknown): Logger => ({ debug: fail, info: fail, warn: fail, error: fail });
  it.each([
    [
      'throws',
      () => {
        throw new Error('the log is full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the log is full'))],
  ])('because it %s harms no operation and is told once, as a process warning', async (_, fail) => {
    const warnings: Error[] = [];
    const hear = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', hear);
    try {
      const { service } = createWorkspace({ service: { logger: failing(fail) } });
      const { filename } = await service.create();
      expect(await service.verify(filename)).toMatchObject({ ok: true });
      await expect.poll(() => warnings.map(({ message }) => message)).toEqual(['the log is full']);
    } finally {
      process.off('warning', hear);
    }
  });
});

it('a database that the application cannot work with is a process warning where there is no logger', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', hear);
  try {
    const { service } = createWorkspace({ service: { requiredTables: ['nowhere'] } });
    await service.start();
    await expect
      .poll(() => warnings.map(({ message }) => message))
      .toEqual([expect.stringMatching(/^The table nowhere is missing\. Run: npx express-db-backup /)]);
  } finally {
    process.off('warning', hear);
  }
});

describe('a listener of the host that fails', () => {
  const failure = new Error('a listener failed');
  const listeners: [string, () => void][] = [
    [
      'throws',
      () => {
        throw failure;
      },
    ],
    ['rejects', (() => Promise.reject(failure)) as () => void],
  ];

  it.each(listeners)('because it %s is told to the log, and nowhere else', async (_, listener) => {
    const { service, logger, internalErrors } = createLogged();
    const warnings: Error[] = [];
    const hear = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', hear);
    try {
      service.on('backup.created', listener);
      await service.create();
    } finally {
      process.off('warning', hear);
    }
    expect(internalErrors.splice(0)).toEqual([failure]);
    expect(logger.lines.find(({ message }) => message === 'internal error')?.fields).toEqual({
      database: 'app.db',
      instance: null,
      err: failure,
    });
    expect(warnings).toEqual([]);
  });

  it.each(listeners)('because it %s becomes a process warning where there is no log', async (_, listener) => {
    const { service, internalErrors } = createWorkspace();
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    service.on('backup.created', listener);
    await service.create();
    expect(await warned).toBe(failure);
    expect(internalErrors.splice(0)).toEqual([failure]);
  });
});
