import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { destroyHeader } from '../helpers/damage.js';
import { damagedHost } from '../helpers/damaged-host.js';
import { startFixture } from '../helpers/fixture-process.js';
import { generations, inspect, integrity } from '../helpers/live-database.js';
import { createWorkspace, stagedFiles } from '../helpers/workspace.js';

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** With the header in its log SQLite could still read the file. */
const destroyAll = (file: string): void => {
  destroyHeader(file);
  rmSync(`${file}-wal`);
};
const destroyBoth = (file: string): void => {
  destroyHeader(file);
  execFileSync('truncate', ['-s', '100', `${file}-wal`]);
};

const neighbours = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name !== 'backups')
    .sort();

describe('with `connection`, a live file that SQLite cannot open', () => {
  it.each<[string, (file: string) => void]>([
    ['with a destroyed header', destroyAll],
    ['with a destroyed header and a log', destroyBoth],
    ['of 0 bytes', (file) => execFileSync('truncate', ['-s', '0', file])],
    ['of text', (file) => execFileSync('sh', ['-c', `rm ${file}-wal; echo 'no database' > ${file}`])],
    ['shorter than a header', (file) => execFileSync('sh', ['-c', `rm ${file}-wal; truncate -s 60 ${file}`])],
  ])('%s is kept as it is and replaced; the host closes and reopens', async (_what, damage) => {
    const { databaseFile, directory, folder, service, filename, calls, host } = await damagedHost(damage);
    const before = Object.fromEntries(
      ['', '-wal']
        .filter((suffix) => existsSync(databaseFile + suffix))
        .map((suffix) => [suffix, sha256(databaseFile + suffix)]),
    );
    const receipt = await service.restore(filename);
    expect(receipt).toMatchObject({
      restored: filename,
      restartRequired: false,
      warnings: [],
      checkpointPending: false,
    });
    expect(receipt.tables).toMatchObject({ items: { before: null, after: 500 } });
    expect(calls).toEqual(['close', 'reopen']);
    expect(host.database && generations(host.database)).toBe('first:500');
    host.database?.close();
    expect(neighbours(folder)).toEqual(['app.db']);
    expect(inspect(databaseFile, integrity)).toBe('ok');
    expect(statSync(databaseFile).mode & 0o777).toBe(0o640);
    const kept = Object.keys(before).map((suffix) => [suffix, sha256(join(directory, receipt.safetyBackup + suffix))]);
    expect(Object.fromEntries(kept)).toEqual(before);
    expect(await service.get(receipt.safetyBackup)).toMatchObject({
      kind: 'safety',
      verification: { ok: false, problems: [expect.stringContaining('could not open')] },
      tables: {},
    });
    expect(await service.verify(receipt.safetyBackup)).toMatchObject({ ok: false });
    await expect(service.restore(receipt.safetyBackup)).rejects.toMatchObject({ code: 'backup_damaged' });
    await expect(service.lastReplaced()).rejects.toMatchObject({
      code: 'backup_damaged',
      message: expect.not.stringContaining('Run:'),
    });
    await service.remove(receipt.safetyBackup);
    expect(readdirSync(directory).sort()).toEqual(['.state', filename, 'audit.jsonl', 'metadata'].sort());
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('that is missing is made anew, and the log that was left of it is kept', async () => {
    const { databaseFile, directory, service, filename, host } = await damagedHost((file) => rmSync(file));
    const log = sha256(`${databaseFile}-wal`);
    const { safetyBackup } = await service.restore(filename);
    expect(host.database && generations(host.database)).toBe('first:500');
    expect(statSync(join(directory, safetyBackup)).size).toBe(0);
    expect(sha256(join(directory, `${safetyBackup}-wal`))).toBe(log);
  });

  it('is replaced where it lies when it is reached by a link', async () => {
    const { databaseFile, folder, service, filename } = await damagedHost(destroyAll, {}, true);
    await service.restore(filename);
    expect(inspect(databaseFile, generations)).toBe('first:500');
    expect(neighbours(folder).filter((name) => !name.startsWith('app.db-'))).toEqual(['app.db', 'link.db']);
  });

  it('is database_busy while another process has it open, and nothing is touched', async () => {
    const damaged = await damagedHost(destroyAll);
    const { databaseFile, directory, service, filename, calls } = damaged;
    const bytes = sha256(databaseFile);
    const reader = await startFixture('hold-file', databaseFile);
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'database_busy' });
    expect(calls).toEqual(['close', 'reopen']);
    expect(sha256(databaseFile)).toBe(bytes);
    expect((await service.list()).total).toBe(1);
    expect(stagedFiles(directory)).toEqual([]);
    await reader.kill();
    await expect(service.restore(filename)).resolves.toMatchObject({ restored: filename });
  });

  it('is database_busy while another process still works with the file that was deleted', async () => {
    const { databaseFile, service, filename } = await damagedHost(() => undefined);
    const app = await startFixture('hold-file', databaseFile);
    for (const ending of ['', '-wal', '-shm']) rmSync(databaseFile + ending, { force: true });
    await expect(service.restore(filename)).rejects.toMatchObject({
      code: 'database_busy',
      message: expect.stringMatching(new RegExp(`Process ${app.pid} .* copy /proc/${app.pid}/fd/\\d+ `)),
    });
    expect(existsSync(databaseFile)).toBe(false);
    await app.kill();
    await expect(service.restore(filename)).resolves.toMatchObject({ restored: filename });
  });

  it('is replaced by what only the application can check to its end', async () => {
    const connection = { close: () => undefined, reopen: () => undefined };
    const { database, databaseFile, service } = createWorkspace({ service: { connection } });
    database.function('own', { deterministic: true }, (value) => value);
    database.exec('CREATE TABLE marked (x, y AS (own(x)) NOT NULL); INSERT INTO marked (x) VALUES (1)');
    const { filename } = await service.create();
    database.close();
    destroyHeader(databaseFile);
    const { checks, warnings, tables } = await service.restore(filename);
    expect(checks).toMatchObject({ quick_check: 'warning', schema: 'passed', rows: 'passed' });
    expect(warnings).toEqual([expect.stringContaining('own()')]);
    expect(tables).toMatchObject({ marked: { before: null, after: 1 } });
  });

  it('is in the journal mode that its header or its log tells', async () => {
    const modeOf = (file: string): unknown => inspect(file, (found) => found.pragma('journal_mode', { simple: true }));
    const logged = await damagedHost(destroyBoth);
    await logged.service.restore(logged.filename);
    const plain = await damagedHost(destroyAll);
    await plain.service.restore(plain.filename);
    expect([modeOf(logged.databaseFile), modeOf(plain.databaseFile)]).toEqual(['wal', 'delete']);
  });

  it('is untouched when close() fails; reopen() is called, and the host is told why', async () => {
    const onClose = () => Promise.reject(new Error('the pool is stuck'));
    const { databaseFile, service, filename, calls, internalErrors } = await damagedHost(destroyAll, { onClose });
    const bytes = sha256(databaseFile);
    await expect(service.restore(filename)).rejects.toMatchObject({
      code: 'database_busy',
      message: expect.stringContaining('connection.close()'),
    });
    expect(calls).toEqual(['close', 'reopen']);
    expect(sha256(databaseFile)).toBe(bytes);
    expect(internalErrors.splice(0)).toMatchObject([{ message: 'the pool is stuck' }]);
  });

  it('is replaced although reopen() fails, and the receipt says that the application must be restarted', async () => {
    const onReopen = () => {
      throw new Error('no file descriptors');
    };
    const { databaseFile, service, filename, internalErrors } = await damagedHost(destroyAll, { onReopen });
    expect(await service.restore(filename)).toMatchObject({
      restartRequired: true,
      warnings: [expect.stringContaining('connection.reopen()')],
    });
    expect(inspect(databaseFile, generations)).toBe('first:500');
    expect(internalErrors.splice(0)).toMatchObject([{ message: 'no file descriptors' }]);
  });

  it('stays as it is when the restore is cancelled while the host closes; reopen() is called', async () => {
    let cancel: () => unknown = () => undefined;
    const damaged = await damagedHost(destroyAll, { onClose: async () => void (await cancel()) });
    const { databaseFile, directory, service, filename, calls } = damaged;
    const bytes = sha256(databaseFile);
    const run = service.restore(filename);
    run.catch(() => undefined);
    const { id } = await run.started;
    cancel = () => service.cancel(id);
    await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
    expect(calls).toEqual(['close', 'reopen']);
    expect(sha256(databaseFile)).toBe(bytes);
    expect(stagedFiles(directory)).toEqual([]);
  });

  it('stays as it is when the restore is cancelled because close() does not end', async () => {
    const never = new Promise<void>(() => undefined);
    const { databaseFile, service, filename, calls } = await damagedHost(destroyAll, { onClose: () => never });
    const bytes = sha256(databaseFile);
    const closing = new Promise<string>((resolve) => {
      service.on('operation', ({ id, phase }) => phase === 'closing connections' && resolve(id));
    });
    const run = service.restore(filename);
    run.catch(() => undefined);
    await service.cancel(await closing);
    await expect(run).rejects.toMatchObject({ code: 'operation_cancelled' });
    expect(calls).toEqual(['close', 'reopen']);
    expect(sha256(databaseFile)).toBe(bytes);
  });

  it('is left alone when the backup is bad, before anything is closed', async () => {
    const { directory, service, filename, calls } = await damagedHost(destroyAll);
    execFileSync('truncate', ['-s', '-1', join(directory, filename)]);
    await expect(service.restore(filename)).rejects.toMatchObject({ code: 'backup_damaged' });
    expect(calls).toEqual([]);
  });
});

it('a sound live database is restored in place, and `connection` is not used', async () => {
  const { service, filename, calls, databaseFile } = await damagedHost(() => undefined);
  const { ino } = statSync(databaseFile);
  await service.restore(filename);
  expect(calls).toEqual([]);
  expect(statSync(databaseFile).ino).toBe(ino);
});
