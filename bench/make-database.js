import { statSync } from 'node:fs';
import Database from 'better-sqlite3';

const mebibyte = 1024 * 1024;
/** Rows of a commit while the database is made, and at its end some that stay in the log: what a plain copy loses. */
const rowsOfCommit = (sizeMiB) => Math.min(20_000, sizeMiB * 200);

/**
 * Makes a database in WAL mode, with rows of some 500 bytes and two indexes, as an application's would be.
 * @returns the connection of the application, which leaves the last rows in the write-ahead log
 */
export function makeDatabase(file, sizeMiB) {
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
    CREATE TABLE orders (
      id INTEGER PRIMARY KEY,
      customer INTEGER NOT NULL REFERENCES customers (id),
      status TEXT NOT NULL,
      total REAL NOT NULL,
      document BLOB NOT NULL
    );
    CREATE INDEX orders_by_customer ON orders (customer);
    INSERT INTO customers (email)
      WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 10000)
      SELECT 'customer-' || n || '@example.com' FROM number;
  `);
  while (statSync(file).size < sizeMiB * mebibyte) {
    insertOrders(database, rowsOfCommit(sizeMiB));
    database.pragma('wal_checkpoint(TRUNCATE)');
  }
  database.pragma('wal_autocheckpoint = 0');
  insertOrders(database, rowsOfCommit(sizeMiB) / 10);
  return database;
}

function insertOrders(database, rows) {
  const insert = database.prepare(
    `INSERT INTO orders (customer, status, total, document) VALUES (?, 'paid', ?, randomblob(450))`,
  );
  database.transaction(() => {
    for (let row = 0; row < rows; row++) insert.run(1 + (row % 10_000), row / 7);
  })();
}
