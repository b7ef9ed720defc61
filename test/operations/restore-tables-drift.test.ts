import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService } from '../helpers/workspace.js';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly constraint: string;
}

interface Table {
  readonly key: 'id INTEGER PRIMARY KEY' | 'id TEXT PRIMARY KEY' | 'id';
  readonly options: '' | 'WITHOUT ROWID' | 'STRICT';
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** Whether each row refers to a row of the first table. */
  readonly refers: boolean;
}

const names = ['a', 'b', 'c', 'd'];
const anyValue = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 3 }), fc.constantFrom('x', 'y', ''));
const anyColumn = (name: string) =>
  fc.record({
    name: fc.constant(name),
    type: fc.constantFrom('TEXT', 'INTEGER', 'ANY'),
    constraint: fc.constantFrom(
      '',
      '',
      '',
      'NOT NULL DEFAULT 7',
      'DEFAULT 8',
      'NOT NULL',
      'UNIQUE',
      `CHECK ("${name}" IS NOT 'y')`,
    ),
  });
const anyColumns = fc.shuffledSubarray(names, { minLength: 1 }).chain((chosen) => fc.tuple(...chosen.map(anyColumn)));
const anyTable: fc.Arbitrary<Table> = fc.record({
  key: fc.constantFrom('id INTEGER PRIMARY KEY', 'id TEXT PRIMARY KEY', 'id'),
  options: fc.constantFrom('', 'WITHOUT ROWID', 'STRICT'),
  columns: anyColumns,
  rows: fc.array(fc.array(anyValue, { minLength: 4, maxLength: 4 }), { maxLength: 5 }),
  refers: fc.boolean(),
});

const nameOf = (index: number): string => `t${index}`;

function createSql({ key, options, columns, refers }: Table, index: number): string {
  const isTyped = options === 'STRICT';
  const id = key === 'id' ? (isTyped ? 'id ANY' : 'id') : key;
  const withoutRowid = options === 'WITHOUT ROWID' && key !== 'id' ? 'WITHOUT ROWID' : '';
  const defined = columns.map(
    ({ name, type, constraint }) => `"${name}" ${type === 'ANY' && !isTyped ? '' : type} ${constraint}`,
  );
  const reference = refers && index > 0 ? ['parent INTEGER REFERENCES t0 (id)'] : [];
  return `CREATE TABLE ${nameOf(index)} (${[id, ...defined, ...reference].join(', ')}) ${isTyped ? 'STRICT' : withoutRowid}`;
}

const asBound = (value: string | number | null) => (typeof value === 'number' ? BigInt(value) : value);

/** Rows that its constraints do not take are left out. */
function fill(database: Database.Database, { columns, rows, refers, key }: Table, index: number): void {
  for (const [number, row] of rows.entries()) {
    const into = ['id', ...columns.map(({ name }) => `"${name}"`), ...(refers && index > 0 ? ['parent'] : [])];
    // A number would be bound as a real one.
    const id = key === 'id TEXT PRIMARY KEY' ? String(number) : BigInt(number);
    const values = [
      id,
      ...columns.map((_column, place) => asBound(row[place] ?? null)),
      ...(refers && index > 0 ? [null] : []),
    ];
    try {
      database
        .prepare(`INSERT INTO ${nameOf(index)} (${into.join(', ')}) VALUES (${into.map(() => '?').join(', ')})`)
        .run(values);
    } catch (error) {
      if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_CONSTRAINT')) throw error;
    }
  }
}

function build(database: Database.Database, tables: readonly Table[]): void {
  database.pragma('foreign_keys = OFF');
  for (const index of [0, 1, 2]) database.exec(`DROP TABLE IF EXISTS ${nameOf(index)}`);
  // What refers to a table whose key is no key would be refused by every write.
  const [first, ...rest] = tables;
  const parents = first === undefined ? [] : [{ ...first, key: 'id INTEGER PRIMARY KEY' as const }, ...rest];
  for (const [index, table] of parents.entries()) {
    database.exec(createSql(table, index));
    fill(database, table, index);
  }
}

/** Every row of a table, column by column, with its type. */
function dump(database: Database.Database, table: string, columns: readonly string[] = ['*']): unknown[] {
  const all =
    columns[0] === '*'
      ? (database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[])
      : columns;
  const quoted = all.map((name) => `quote("${name}")`).join(" || ' ' || ");
  return database.prepare(`SELECT ${quoted} FROM ${table} ORDER BY 1`).pluck().all();
}

it('whatever the schemas, the chosen tables are the backup’s or nothing has changed, and the others never have', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'app.db');
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  onTestFinished(() => void database.close());
  const { service } = openService({
    database: file,
    directory: join(folder, 'backups'),
    retention: { keep: 1, safety: { keep: 1 } },
  });
  const outcomes = { taken: 0, refused: 0 };
  const anyTables = fc.array(anyTable, { minLength: 2, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(anyTables, anyTables, fc.integer({ min: 1, max: 7 }), async (stored, drifted, mask) => {
      build(database, stored);
      const { filename } = await service.create();
      const before = new Database(join(folder, 'backups', filename), { readonly: true });
      const live = stored.map((table, index) => drifted[index] ?? table);
      build(database, live);
      const all = live.map((_table, index) => nameOf(index));
      const chosen = all.filter((_name, index) => (mask & (1 << index)) !== 0);
      if (chosen.length === 0) return;
      const untouched = all.filter((name) => !chosen.includes(name)).map((name) => dump(database, name));
      const whole = all.map((name) => dump(database, name));
      const schema = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2').raw().all();
      const failure = await service.restore(filename, { tables: chosen }).then(
        () => null,
        (error: { code?: string }) => error,
      );
      expect(all.filter((name) => !chosen.includes(name)).map((name) => dump(database, name))).toEqual(untouched);
      expect(database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2').raw().all()).toEqual(schema);
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(database.pragma('foreign_key_check')).toEqual([]);
      if (failure !== null) {
        outcomes.refused++;
        expect(failure).toMatchObject({ code: 'backup_incompatible' });
        expect(all.map((name) => dump(database, name))).toEqual(whole);
        return;
      }
      outcomes.taken++;
      for (const name of chosen) {
        const columnsOf = (one: Database.Database): string[] =>
          one.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(name) as string[];
        const inLive = columnsOf(database);
        const common = columnsOf(before).filter((column) => inLive.includes(column));
        // The type that a live column has by affinity may differ; its text does not.
        const asText = (one: Database.Database): unknown[] =>
          one
            .prepare(
              `SELECT ${common.map((column) => `ifnull(CAST("${column}" AS TEXT), 'null')`).join(" || ' ' || ")} FROM ${name} ORDER BY 1`,
            )
            .pluck()
            .all();
        expect(asText(database)).toEqual(asText(before));
      }
      before.close();
    }),
    { numRuns: 40 },
  );
  expect(outcomes.taken).toBeGreaterThan(5);
  expect(outcomes.refused).toBeGreaterThan(2);
}, 180_000);
