import type Database from 'better-sqlite3';

/** Every commit of a writer moves the counter in all rows of all of these, so two moments in one copy show as two numbers. */
export const ledgerTables = ['ledger_a', 'ledger_b', 'ledger_c', 'ledger_d'] as const;

export function addLedger(database: Database.Database, rowsPerTable = 40): void {
  for (const table of ledgerTables) {
    database.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, counter INTEGER NOT NULL, filler BLOB NOT NULL)`);
    database
      .prepare(
        `WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
         INSERT INTO ${table} SELECT id, 0, randomblob(300) FROM ids`,
      )
      .run(rowsPerTable);
  }
}

/** The counters that occur: exactly one in a consistent state. */
export function ledgerCounters(database: Database.Database): number[] {
  const union = ledgerTables.map((table) => `SELECT counter FROM ${table}`).join(' UNION ');
  return database.prepare(union).pluck().all() as number[];
}
