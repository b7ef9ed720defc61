import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InterruptedRestore } from 'express-db-backup';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { backupProcessesOf } from '../helpers/child-processes.js';
import { type FixtureProcess, startFixture } from '../helpers/fixture-process.js';
import { generations, inspect, integrity, openAgain, openDatabase, setGeneration } from '../helpers/live-database.js';
import { createWorkspace, openService, stagedFiles, type Workspace } from '../helpers/workspace.js';

interface Scene extends Workspace {
  readonly filename: string;
  readonly app: FixtureProcess;
}

/** A backup of `first`, a live database with `second`, and an application that can be killed. */
async function createScene(fixture = 'app', ...parameters: string[]): Promise<Scene> {
  const workspace = createWorkspace({ live: { rows: 5_000 } });
  const { filename } = await workspace.service.create();
  setGeneration(workspace.database, 'second');
  return { ...workspace, filename, app: await startFixture(fixture, workspace.folder, ...parameters) };
}

/** The application is killed in its restore, at a phase or, `restored`, when the new content is there and nobody knows. */
async function interrupt({ app, filename }: Scene, at: string, tables?: string[]): Promise<string> {
  app.send({ type: 'call', verb: 'restore', parameters: [filename, { by: 'ada', tables }] });
  let told = await app.next('operation', 'restored');
  const id = String(told.id);
  while (told.phase !== at && told.type !== at) told = await app.next('operation', 'restored');
  await app.kill();
  return id;
}

/** As a kill leaves it between the publication of the safety backup and the commit. */
async function interruptBeforeCommit(scene: Scene, tables?: string[]): Promise<string> {
  const writer = openAgain(scene.databaseFile);
  writer.exec('BEGIN IMMEDIATE');
  const id = await interrupt(scene, 'waiting for the write lock', tables);
  writer.exec('COMMIT');
  const { filename: safetyBackup } = await scene.service.create();
  const journal = join(scene.directory, '.state', 'journal.json');
  writeFileSync(journal, JSON.stringify({ ...JSON.parse(readFileSync(journal, 'utf8')), safetyBackup }));
  return id;
}

const journalOf = ({ directory }: Workspace): boolean => existsSync(join(directory, '.state', 'journal.json'));
const safetyBackups = ({ directory }: Workspace): string[] =>
  readdirSync(directory).filter((name) => name.includes('_safety_'));

/** What the next start tells, by its result, its event, and the record of the operation. */
async function restart({ databaseFile, directory }: Workspace, id: string) {
  const { service } = openService({ database: databaseFile, directory });
  const events: InterruptedRestore[] = [];
  service.on('restore.interrupted', (event) => events.push(event));
  const { interruptedRestore } = await service.start();
  const record = await service.operation(id);
  return { service, interruptedRestore, events, record };
}

it.each([
  ['was never written', (file: string) => rmSync(file)],
  ['is of an earlier time', () => undefined],
])('what the last restore replaced is known also where its record %s', async (_what, lose) => {
  const { service, database, databaseFile, directory } = createWorkspace();
  const { filename } = await service.create();
  await service.restore(filename);
  setGeneration(database, 'third');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
  onTestFinished(() => void vi.useRealTimers());
  const run = service.restore(filename);
  const { id } = await run.started;
  const { safetyBackup } = await run;
  await service.close();
  lose(join(directory, '.state', 'operations', `${id}.json`));
  const { service: later } = openService({ database: databaseFile, directory });
  await expect(later.lastReplaced()).resolves.toEqual({ filename: safetyBackup });
});

describe('the start after a restore that was interrupted', () => {
  it('tells that the content is the old one when nothing was replaced yet', async () => {
    const scene = await createScene();
    const writer = openAgain(scene.databaseFile);
    writer.exec('BEGIN IMMEDIATE');
    const id = await interrupt(scene, 'waiting for the write lock');
    writer.exec('COMMIT');
    expect(journalOf(scene)).toBe(true);
    const { interruptedRestore, events, record } = await restart(scene, id);
    expect(interruptedRestore).toEqual({
      operation: id,
      startedAt: record.startedAt,
      startedBy: 'ada',
      restored: scene.filename,
      live: 'old',
      safetyBackup: null,
    });
    expect(events).toEqual([interruptedRestore]);
    expect(record).toMatchObject({
      state: 'failed',
      problem: { code: 'operation_interrupted', restored: scene.filename, live: 'old', safetyBackup: null },
    });
    expect([journalOf(scene), stagedFiles(scene.directory), generations(scene.database)]).toEqual([
      false,
      [],
      'second:5000',
    ]);
  });

  it('tells that the content is the new one, and keeps the safety backup, when the commit had happened', async () => {
    const scene = await createScene('app-restored');
    const id = await interrupt(scene, 'restored');
    const { interruptedRestore, record, service } = await restart(scene, id);
    const [safetyBackup] = safetyBackups(scene);
    expect(interruptedRestore).toMatchObject({ restored: scene.filename, live: 'new', safetyBackup });
    expect(record.problem).toMatchObject({ live: 'new', safetyBackup });
    expect(generations(scene.database)).toBe('first:5000');
    expect(integrity(scene.database)).toBe('ok');
    expect(inspect(join(scene.directory, safetyBackup ?? ''), generations)).toBe('second:5000');
    await expect(service.verify(safetyBackup ?? '')).resolves.toMatchObject({ ok: true });
    expect(await service.start()).toMatchObject({ interruptedRestore: null });
  });

  it.each([undefined, ['items']])('need not come before an undo of it (tables: %j)', async (tables) => {
    const scene = await createScene('app-restored');
    scene.database.exec("INSERT INTO commits VALUES ('before')");
    await interrupt(scene, 'restored', tables);
    scene.database.exec("INSERT INTO commits VALUES ('since')");
    const { service } = openService({ database: scene.databaseFile, directory: scene.directory });
    const replaced = await service.lastReplaced();
    expect(replaced).toEqual({ filename: safetyBackups(scene)[0], tables });
    await service.restore(replaced.filename, { tables: replaced.tables });
    expect(generations(scene.database)).toBe('second:5000');
    const since = scene.database.prepare("SELECT count(*) FROM commits WHERE key = 'since'").pluck().get();
    expect(since).toBe(tables === undefined ? 0 : 1);
  });

  it.each(['rolling back', 'waiting for the write lock', 'replacing', 'restored'])(
    'tells the truth of a roll-back that was killed while %s',
    async (at) => {
      const scene = await createScene('app-restored', '1');
      const earlier = await scene.service.restore(scene.filename);
      setGeneration(scene.database, 'third');
      scene.app.send({ type: 'call', verb: 'restore', parameters: [scene.filename, { by: 'ada' }] });
      let told = await scene.app.next('operation', 'restored');
      const id = String(told.id);
      for (let isBack = false; !isBack || (told.phase !== at && told.type !== at); ) {
        isBack ||= told.phase === 'rolling back';
        if (isBack && told.phase === at) break;
        told = await scene.app.next('operation', 'restored');
      }
      await scene.app.kill();
      const { interruptedRestore, service } = await restart(scene, id);
      const truth = generations(scene.database) === 'third:5000' ? 'old' : 'new';
      const [, safety] = safetyBackups(scene);
      expect(interruptedRestore).toMatchObject({ restored: scene.filename, live: truth, safetyBackup: safety });
      expect(inspect(join(scene.directory, String(safety)), generations)).toBe('third:5000');
      const undo = truth === 'new' ? safety : earlier.safetyBackup;
      expect(await service.lastReplaced()).toEqual({ filename: undo });
    },
  );

  it('does not take tables that the application has made for those of the backup', async () => {
    const scene = await createScene();
    scene.database.exec('DROP TABLE commits; DELETE FROM items');
    const id = await interruptBeforeCommit(scene);
    scene.database.exec('CREATE TABLE IF NOT EXISTS commits (key TEXT PRIMARY KEY) WITHOUT ROWID');
    const { interruptedRestore, service } = await restart(scene, id);
    expect(interruptedRestore).toMatchObject({ live: 'unknown' });
    await expect(service.lastReplaced()).rejects.toMatchObject({
      code: 'backup_not_found',
      message: expect.stringContaining(String(interruptedRestore?.safetyBackup)),
    });
  });

  it.each([undefined, ['items']])('is not led astray by a VACUUM before it (tables: %j)', async (tables) => {
    const scene = await createScene();
    scene.database.exec('DELETE FROM items');
    const id = await interruptBeforeCommit(scene, tables);
    scene.database.exec('VACUUM');
    const { interruptedRestore } = await restart(scene, id);
    expect(interruptedRestore).toMatchObject({ live: tables === undefined ? 'unknown' : 'old' });
  });

  it('is not led astray by a migration where rows alone were restored', async () => {
    const scene = await createScene('app-restored');
    const id = await interrupt(scene, 'restored', ['items']);
    scene.database.exec('CREATE TABLE migrated (id)');
    const { interruptedRestore } = await restart(scene, id);
    expect(interruptedRestore).toMatchObject({ live: 'new', only: ['items'] });
  });

  it('does not guess when the application has changed its schema since', async () => {
    const scene = await createScene('app-restored');
    const id = await interrupt(scene, 'restored');
    scene.database.exec('CREATE TABLE migrated (id)');
    const { interruptedRestore } = await restart(scene, id);
    expect(interruptedRestore).toMatchObject({ live: 'unknown', safetyBackup: safetyBackups(scene)[0] });
  });

  it.each(['securing', 'replacing'])('tells the truth after a kill while %s', async (phase) => {
    const scene = await createScene();
    const id = await interrupt(scene, phase);
    const { interruptedRestore } = await restart(scene, id);
    const truth = generations(scene.database) === 'first:5000' ? 'new' : 'old';
    expect(interruptedRestore).toMatchObject({ live: truth });
    expect(integrity(scene.database)).toBe('ok');
    if (truth === 'new') expect(interruptedRestore?.safetyBackup).toBe(safetyBackups(scene)[0]);
  });

  it('tells nothing while the restore still runs in another process', async () => {
    const scene = await createScene();
    const writer = openAgain(scene.databaseFile);
    writer.exec('BEGIN IMMEDIATE');
    scene.app.send({ type: 'call', verb: 'restore', parameters: [scene.filename] });
    for (let phase: unknown; phase !== 'waiting for the write lock'; ) ({ phase } = await scene.app.next('operation'));
    expect(await scene.service.start()).toMatchObject({ interruptedRestore: null });
    expect(journalOf(scene)).toBe(true);
    writer.exec('COMMIT');
    expect((await scene.app.next('done', 'failed')).type).toBe('done');
    expect(journalOf(scene)).toBe(false);
  });
});

it.each(['securing', 'replacing'])(
  'a restore whose backup process is killed while %s says what the live database has',
  async (at) => {
    const { database, directory, service } = createWorkspace({ live: { rows: 5_000 } });
    const { filename } = await service.create();
    setGeneration(database, 'second');
    const off = service.on('operation', ({ phase }) => {
      if (phase !== at) return;
      off();
      for (const child of backupProcessesOf(process.pid)) process.kill(child, 'SIGKILL');
    });
    const outcome = await service.restore(filename).catch((error: unknown) => error);
    const truth = generations(database) === 'first:5000' ? 'new' : 'old';
    // The last moments of a process are its own: it may have told of its end before the kill came.
    if (!('code' in Object(outcome))) expect(truth).toBe('new');
    else expect(outcome).toMatchObject({ code: 'engine_crashed', facts: { restored: filename, live: truth } });
    expect([integrity(database), existsSync(join(directory, '.state', 'journal.json'))]).toEqual(['ok', false]);
  },
);

describe('the start after an offline restore that was interrupted', () => {
  const endings = ['', '-wal', '-shm'];
  const removeLive = (file: string): void => endings.forEach((ending) => void rmSync(file + ending, { force: true }));

  /** As a kill leaves it once the safety backup is named: nothing tells any more how it ended. */
  async function killedOffline() {
    const connection = { close: () => undefined, reopen: () => undefined };
    const { database, databaseFile, directory, service } = createWorkspace({ service: { connection } });
    const { filename } = await service.create();
    database.close();
    removeLive(databaseFile);
    const run = service.restore(filename);
    const { id } = await run.started;
    await run;
    await service.close();
    const state = join(directory, '.state');
    renameSync(join(state, 'last-restore.json'), join(state, 'journal.json'));
    rmSync(join(state, 'operations', `${id}.json`));
    const again = () => openService({ database: databaseFile, directory, connection }).service;
    return { databaseFile, open: again };
  }

  it('tells that the content is the new one when it is', async () => {
    const { open } = await killedOffline();
    expect((await open().start()).interruptedRestore).toMatchObject({ live: 'new' });
  });

  it('does not take tables that the application has made anew for those of the backup', async () => {
    const { databaseFile, open } = await killedOffline();
    removeLive(databaseFile);
    openDatabase(databaseFile, { rows: 0 });
    expect((await open().start()).interruptedRestore).toMatchObject({ live: 'unknown' });
  });

  it('does not say that nothing has changed because the new file is locked', async () => {
    const { databaseFile, open } = await killedOffline();
    openAgain(databaseFile).exec('BEGIN EXCLUSIVE');
    expect((await open().start()).interruptedRestore).toMatchObject({ live: 'unknown' });
  });
});

it('a journal that names a file of somebody else has nothing of theirs removed', async () => {
  const scene = await createScene();
  const id = await interrupt(scene, 'securing');
  const [journal, theirs] = [join(scene.directory, '.state', 'journal.json'), join(scene.folder, 'theirs.txt')];
  writeFileSync(theirs, 'precious');
  writeFileSync(journal, JSON.stringify({ ...JSON.parse(readFileSync(journal, 'utf8')), incoming: theirs }));
  await restart(scene, id);
  expect([existsSync(theirs), journalOf(scene)]).toEqual([true, false]);
});

it('a restore without a start in between first tells what the interrupted one left', async () => {
  const scene = await createScene('app-restored');
  const id = await interrupt(scene, 'restored');
  const events: InterruptedRestore[] = [];
  scene.service.on('restore.interrupted', (event) => events.push(event));
  await scene.service.restore(scene.filename);
  expect(events).toMatchObject([{ operation: id, live: 'new' }]);
  expect(await scene.service.start()).toMatchObject({ interruptedRestore: null });
});

it.each(['cancelled', 'failed', 'done'])('a restore that is %s leaves no journal', async (end) => {
  const scene = createWorkspace({ service: { limits: { restoreWaitMs: 200 } } });
  await scene.service.create();
  const writer = openAgain(scene.databaseFile);
  if (end !== 'done') writer.exec('BEGIN IMMEDIATE');
  let seen = false;
  scene.service.on('operation', ({ id, phase }) => {
    if (phase !== 'waiting for the write lock') return;
    seen = journalOf(scene);
    if (end === 'cancelled') void scene.service.cancel(id);
  });
  const outcome = scene.service.restore('latest').then(
    () => 'done',
    ({ code }: { code: string }) => code,
  );
  expect(await outcome).toBe({ cancelled: 'operation_cancelled', failed: 'database_busy', done: 'done' }[end]);
  expect([seen, journalOf(scene)]).toEqual([true, false]);
});
