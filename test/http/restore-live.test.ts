import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, bodyOf, problemOf, receiptSchema, statusSchema } from '../helpers/contract.js';
import { call, createOne, type HttpApp, phrase, startApp } from '../helpers/http-app.js';
import { generations, setGeneration } from '../helpers/live-database.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

const restore = (app: HttpApp): Promise<Answer> => call(app, 'post', '/restore/latest', { body: { confirm: phrase } });

async function appAfterBackup(
  options: Parameters<typeof startApp>[0] = {},
): Promise<{ app: HttpApp; filename: string }> {
  const app = await startApp(options);
  const { filename } = await createOne(app);
  setGeneration(app.database, 'second');
  return { app, filename };
}

describe('a live database that', () => {
  it('is being written to longer than restoreWaitMs stays as it is, and the answer is 503', async () => {
    const { app, filename } = await appAfterBackup({ service: { limits: { restoreWaitMs: 100 } } });
    app.database.exec('BEGIN IMMEDIATE');
    const answer = await restore(app);
    app.database.exec('COMMIT');
    problemOf(answer, 503, 'database_busy');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(generations(app.database)).toBe('second:500');
    expect(storedBackups(app.directory)).toEqual([filename]);
    expect(stagedFiles(app.directory)).toEqual([]);
  });

  it('has a long reader is restored; the reader keeps its view, and the receipt says what waits', async () => {
    const { app } = await appAfterBackup();
    const reader = new Database(app.databaseFile, { readonly: true });
    onTestFinished(() => void reader.close());
    reader.exec('BEGIN');
    expect(generations(reader)).toBe('second:500');
    const receipt = bodyOf(await restore(app), 200, receiptSchema);
    expect(receipt.checkpointPending).toBe(true);
    expect(generations(reader)).toBe('second:500');
    expect(generations(app.database)).toBe('first:500');
    reader.exec('COMMIT');
    expect(generations(reader)).toBe('first:500');
  });

  it('has another page size takes the backup all the same', async () => {
    const { app } = await appAfterBackup({ live: { wal: false } });
    app.database.exec('PRAGMA page_size = 8192; VACUUM; PRAGMA journal_mode = WAL');
    bodyOf(await restore(app), 200, receiptSchema);
    expect(generations(app.database)).toBe('first:500');
    expect(app.database.pragma('page_size', { simple: true })).toBe(8192);
  });

  it('is no database any more is 409 offline_restore_required, and nothing is touched', async () => {
    const { app, filename } = await appAfterBackup({ live: { wal: false } });
    app.database.close();
    const destroyed = Buffer.concat([Buffer.alloc(4096, 0xee), readFileSync(app.databaseFile).subarray(4096)]);
    writeFileSync(app.databaseFile, destroyed);
    problemOf(await restore(app), 409, 'offline_restore_required');
    expect(readFileSync(app.databaseFile).equals(destroyed)).toBe(true);
    expect(storedBackups(app.directory)).toEqual([filename]);
    expect(stagedFiles(app.directory)).toEqual([]);
  });

  it('is damaged in its middle is restored; its copy is kept and says that it is damaged', async () => {
    const { app } = await appAfterBackup({ live: { wal: false } });
    app.database.close();
    const content = readFileSync(app.databaseFile);
    writeFileSync(app.databaseFile, content.fill(0xff, 10 * 4096, 11 * 4096));
    const { safetyBackup } = bodyOf(await restore(app), 200, receiptSchema);
    const live = new Database(app.databaseFile);
    onTestFinished(() => void live.close());
    expect(generations(live)).toBe('first:500');
    const safety = await app.service.get(safetyBackup);
    expect(safety).toMatchObject({ kind: 'safety', verification: { ok: false } });
    expect(safety.warnings).toContainEqual(expect.stringContaining('damaged'));
  });
});

describe('while a restore runs', () => {
  it('a second one, a create, a cleanup and a delete are 409, and the status tells which operation it is', async () => {
    const { app, filename } = await appAfterBackup();
    app.database.exec('BEGIN IMMEDIATE');
    const waiting = new Promise<void>((resolve) => {
      app.service.on('operation', ({ type, phase }) => type === 'restore' && phase.startsWith('waiting') && resolve());
    });
    const first = restore(app);
    await waiting;
    const refused = [
      await restore(app),
      await call(app, 'post', '/create', { body: {} }),
      await call(app, 'post', '/cleanup', { body: {} }),
      await call(app, 'delete', `/${filename}`),
    ];
    const { operation } = bodyOf(await call(app, 'get', '/status', { role: 'ADMIN' }), 200, statusSchema);
    app.database.exec('COMMIT');
    expect(operation).toMatchObject({ type: 'restore', state: 'running', startedBy: 'developer@example.com' });
    for (const answer of refused) {
      const problem = problemOf(answer, 409, 'operation_in_progress');
      expect(problem.operation).toMatchObject({ id: operation?.id, startedAt: operation?.startedAt });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    bodyOf(await first, 200, receiptSchema);
    expect(generations(app.database)).toBe('first:500');
    expect(storedBackups(app.directory).length).toBe(2);
  });
});
