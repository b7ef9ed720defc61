import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../../../../dist/engines/database-content.js';
import type { Progress } from '../../../../../dist/engines/engine.js';
import { restoreLive } from '../../../../../dist/engines/sqlite/child/restore/restore-live.js';
import { damagePages, databaseOf, storedBackup } from '../../../../helpers/database-files.js';
import {
  generations,
  inspect,
  integrity,
  type LiveOptions,
  openAgain,
  openDatabase,
  setGeneration,
} from '../../../../helpers/live-database.js';
import { publishBy, type RecordedContext, taskContext } from '../../../../helpers/task-context.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

interface Scene {
  readonly live: Database.Database;
  readonly safety: string;
  restore(options?: {
    requiredTables?: string[];
    waitMs?: number;
    context?: RecordedContext;
    publish?: (snapshot: Snapshot) => unknown;
  }): ReturnType<typeof restoreLive>;
}

/** A live database of generation `live` in use, and a staged backup of generation `backup`. */
async function scene(live: LiveOptions = {}, backup: LiveOptions = {}): Promise<Scene> {
  const { file: source } = await storedBackup({ generation: 'backup', ...backup });
  const database = openDatabase(join(temporaryFolder(), 'app.db'), { generation: 'live', ...live });
  const safety = join(temporaryFolder(), 'safety.db');
  return {
    live: database,
    safety,
    restore: ({ requiredTables = [], waitMs = 5_000, context = taskContext(), publish = () => undefined } = {}) => {
      const publication = publishBy(publish);
      const input = { live: database.name, source, safetyDestination: safety, requiredTables, waitMs, publication };
      return restoreLive(input, context);
    },
  };
}

const refuse = (): never => {
  throw new Error('refused');
};

describe.each([
  ['with a write-ahead log', { wal: true }, 'wal'],
  ['with a rollback journal', { wal: false }, 'delete'],
])('a live database %s', (_mode, options, journalMode) => {
  it('is replaced under open statements, and what it was is in the safety snapshot', async () => {
    const { live, safety, restore } = await scene({ rows: 700, ...options });
    const select = live.prepare('SELECT generation, count(*) AS rows FROM items GROUP BY generation');
    const context = taskContext();
    const report = await restore({ context, publish: () => 'published' });
    expect(select.all()).toEqual([{ generation: 'backup', rows: 500 }]);
    expect([integrity(live), live.pragma('journal_mode', { simple: true })]).toEqual(['ok', journalMode]);
    expect(inspect(safety, generations)).toBe('live:700');
    expect(report).toMatchObject({
      safety: 'published',
      problems: [],
      warnings: [],
      tablesBefore: { items: 700, commits: 0 },
      tablesAfter: { items: 500, commits: 0 },
      checks: { quick_check: 'passed', schema: 'passed', required_tables: 'passed', rows: 'passed' },
    });
    expect(context.steps).toEqual(['unstoppable', 'commit']);
  });

  it.each([
    ['its safety snapshot cannot be published', () => ({ publish: refuse })],
    ['it may not commit', () => ({ context: taskContext({ onCommit: refuse }) })],
  ])('is as it was when %s', async (_case, how) => {
    const { live, restore } = await scene(options);
    await expect(restore(how())).rejects.toThrow('refused');
    expect([generations(live), integrity(live)]).toEqual(['live:500', 'ok']);
    expect(() => setGeneration(live, 'later')).not.toThrow();
  });

  it('cannot be written from the safety snapshot on, until the restore has ended', async () => {
    const { live, restore } = await scene(options);
    live.pragma('busy_timeout = 0');
    const refusals: unknown[] = [];
    const write = (): void => {
      try {
        setGeneration(live, 'lost');
      } catch (error) {
        refusals.push((error as { code: string }).code);
      }
    };
    await restore({ publish: write, context: taskContext({ onCommit: write }) });
    expect(refusals).toEqual(['SQLITE_BUSY', 'SQLITE_BUSY']);
    expect(generations(live)).toBe('backup:500');
  });

  it('that another connection writes to is busy when the wait is over', async () => {
    const { live, restore } = await scene(options);
    live.exec("BEGIN IMMEDIATE; INSERT INTO commits VALUES ('under way')");
    const context = taskContext();
    await expect(restore({ waitMs: 50, context })).rejects.toMatchObject({ code: 'database_busy' });
    live.exec('COMMIT');
    expect([generations(live), context.steps]).toEqual(['live:500', []]);
  });

  it('is not touched when the safety snapshot cannot be written', async () => {
    const { live, safety, restore } = await scene(options);
    mkdirSync(safety);
    const context = taskContext();
    await expect(restore({ context })).rejects.toThrow();
    expect([generations(live), context.steps]).toEqual(['live:500', []]);
  });
});

it('a copy of pages that fails is told when nothing works on the safety snapshot any more', async () => {
  const { live, restore } = await scene();
  const fault = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  const report = ({ phase }: Progress): void => {
    if (phase === 'replacing') throw fault;
  };
  let published = false;
  const publish = async (): Promise<void> => {
    await new Promise(setImmediate);
    published = true;
  };
  await expect(restore({ publish, context: { ...taskContext(), report } })).rejects.toBe(fault);
  expect([published, generations(live), integrity(live)]).toEqual([true, 'live:500', 'ok']);
});

it('a backup of another page size takes the page size of the live database', async () => {
  const { live, restore } = await scene({ pageSize: 4096 }, { pageSize: 1024 });
  expect((await restore()).problems).toEqual([]);
  expect([generations(live), live.pragma('page_size', { simple: true }), integrity(live)]).toEqual([
    'backup:500',
    4096,
    'ok',
  ]);
});

it.each([512, 8192, 65536])(
  'rows keep their rowids in pages of %i bytes, and what knows rows by them finds them',
  async (pageSize) => {
    const words = `
    PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA encoding = 'UTF-16le';
    PRAGMA user_version = 7; PRAGMA application_id = 77;
    CREATE TABLE docs (body TEXT);
    INSERT INTO docs VALUES ('one'), ('gone'), ('three'), ('gone'), ('five');
    DELETE FROM docs WHERE body = 'gone';
    CREATE VIRTUAL TABLE found USING fts5(body, content='docs');
    INSERT INTO found(found) VALUES ('rebuild');
    CREATE TABLE half (n INT, double AS (n * 2) STORED);
    INSERT INTO half (n) VALUES (1), (2), (3);
    DELETE FROM half WHERE n = 2;`;
    const [source, live] = [
      databaseOf(words),
      openAgain(databaseOf(`PRAGMA encoding = 'UTF-16le'; CREATE TABLE old (x)`)),
    ];
    live.exec(`PRAGMA page_size = ${pageSize}; VACUUM; PRAGMA journal_mode = WAL`);
    const paths = { live: live.name, source, safetyDestination: join(temporaryFolder(), 'safety.db') };
    const publication = publishBy(() => undefined);
    const { problems } = await restoreLive({ ...paths, requiredTables: [], waitMs: 5_000, publication }, taskContext());
    const pragma = (name: string): unknown => live.pragma(name, { simple: true });
    const match = live.prepare('SELECT rowid, body FROM found WHERE found MATCH ?').raw();
    expect([problems, integrity(live), pragma('page_size')]).toEqual([[], 'ok', pageSize]);
    expect(['one', 'three', 'five', 'gone'].flatMap((word) => match.all(word))).toEqual([
      [1, 'one'],
      [3, 'three'],
      [5, 'five'],
    ]);
    expect(live.prepare('SELECT rowid, double FROM half').raw().all()).toEqual([
      [1, 2],
      [3, 6],
    ]);
    expect(['user_version', 'application_id', 'encoding'].map(pragma)).toEqual([7, 77, 'UTF-16le']);
    expect(inspect(source, (staged) => staged.pragma('auto_vacuum', { simple: true }))).toBe(2);
    expect(readdirSync(dirname(source))).toEqual(['app.db']);
  },
);

it('a damaged live database is replaced, and its copy says that it is damaged', async () => {
  const { live, restore } = await scene({ rows: 5_000 });
  live.pragma('wal_checkpoint(TRUNCATE)');
  damagePages(live.name, 20, 3);
  const published: Snapshot[] = [];
  expect((await restore({ publish: (snapshot) => published.push(snapshot) })).problems).toEqual([]);
  expect(published[0]?.verification).toMatchObject({ ok: false, checks: { quick_check: 'failed' } });
  expect([generations(live), integrity(live)]).toEqual(['backup:500', 'ok']);
});

it('a damaged live database of which a table cannot even be counted is replaced too', async () => {
  const { live, restore } = await scene({ rows: 5_000 });
  live.pragma('wal_checkpoint(TRUNCATE)');
  const roots = live.prepare("SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'items' AND rootpage > 0").pluck();
  for (const root of roots.all()) damagePages(live.name, Number(root), 1);
  const published: Snapshot[] = [];
  const report = await restore({ publish: (snapshot) => published.push(snapshot) });
  expect([report.problems, report.tablesBefore]).toEqual([[], { commits: 0 }]);
  expect(published[0]?.verification).toMatchObject({ ok: false, checks: { rows: 'failed' } });
  expect([generations(live), integrity(live)]).toEqual(['backup:500', 'ok']);
});

it('a required table that the backup does not have is a problem that is told', async () => {
  const { restore } = await scene();
  expect((await restore({ requiredTables: ['items', 'users'] })).problems).toEqual([
    'Required tables are missing: users.',
  ]);
});

it('a long reader keeps what it sees, and the log waits for it', async () => {
  const { live, restore } = await scene();
  const reader = openAgain(live.name);
  reader.exec('BEGIN');
  expect(generations(reader)).toBe('live:500');
  expect(await restore()).toMatchObject({ checkpointPending: true, problems: [] });
  expect([generations(reader), generations(live)]).toEqual(['live:500', 'backup:500']);
  reader.exec('COMMIT');
  expect(generations(reader)).toBe('backup:500');
});
