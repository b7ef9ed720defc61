import type { Backup } from 'express-db-backup';
import { expect, it } from 'vitest';
import { contentWarnings } from '../../dist/operations/content/content-warnings.js';
import { createWorkspace } from '../helpers/workspace.js';

const previous = (tables: Record<string, number>): Backup => ({ filename: 'before.db', tables }) as Backup;
const named = (name: string, rows: number): Record<string, number> => Object.fromEntries([[name, rows]]);

it.each([
  ['a database without tables', {}, undefined, ['The database has no tables.']],
  [
    'a table that lost all rows',
    { users: 0, orders: 1 },
    previous({ users: 3, orders: 5 }),
    ['Table users is empty; it had 3 rows in before.db.'],
  ],
  ['a table that is gone', { orders: 1 }, previous({ users: 3 }), ['Table users is gone; it had 3 rows in before.db.']],
  ['a table that was empty before', { users: 0 }, previous({ users: 0 }), []],
  ['fewer rows', { users: 1 }, previous({ users: 3 }), []],
  ['no backup before', { users: 0 }, undefined, []],
  [
    'a table named __proto__ that lost all rows',
    named('__proto__', 0),
    previous(named('__proto__', 2)),
    ['Table __proto__ is empty; it had 2 rows in before.db.'],
  ],
  [
    'a table named constructor that is gone',
    { users: 1 },
    previous({ constructor: 2 }),
    ['Table constructor is gone; it had 2 rows in before.db.'],
  ],
])('%s is told as it is', (_case, tables, before, warnings) => {
  expect(contentWarnings(tables as Record<string, number>, before)).toEqual(warnings);
});

it('a table that may be empty is not told, however it is spelled', () => {
  const before = previous({ Outbox: 3, users: 2 });
  expect(contentWarnings({ outbox: 0, users: 0 }, before, ['OUTBOX'])).toEqual([
    'Table users is empty; it had 2 rows in before.db.',
  ]);
  expect(contentWarnings({ users: 1 }, before, ['outbox'])).toEqual([]);
});

it('`mayEmpty` keeps a create from telling of the tables it names, and of no other', async () => {
  const { service, database } = createWorkspace({ service: { mayEmpty: ['Commits'] } });
  const told: string[] = [];
  service.on('table.shrank', ({ table }) => told.push(table));
  database.exec("INSERT INTO commits VALUES ('a')");
  await service.create();
  database.exec('DELETE FROM commits');
  expect((await service.create()).warnings).toEqual([]);
  database.exec('DELETE FROM items');
  expect((await service.create()).warnings).toHaveLength(1);
  expect(told).toEqual(['items']);
});
