import { randomBytes, scryptSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

const schema = `
  CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('CUSTOMER', 'ADMIN', 'DEVELOPER')),
    password_salt BLOB NOT NULL,
    password_hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    placed_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    product TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    cents INTEGER NOT NULL CHECK (cents >= 0),
    PRIMARY KEY (order_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX orders_by_user ON orders (user_id);
`;

/** Opens the shop's database in WAL mode, and makes and fills it on the first run. */
export function openDatabase(file) {
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('foreign_keys = ON');
  if (database.pragma('user_version', { simple: true }) === 0) database.transaction(seed)(database);
  return database;
}

export function hashPassword(password, salt) {
  return scryptSync(password, salt, 32);
}

export const demoPassword = 'correct horse battery staple';

function seed(database) {
  database.exec(schema);
  const addUser = database.prepare('INSERT INTO users (email, role, password_salt, password_hash) VALUES (?, ?, ?, ?)');
  for (const role of ['CUSTOMER', 'ADMIN', 'DEVELOPER']) {
    const salt = randomBytes(16);
    addUser.run(`${role.toLowerCase()}@example.com`, role, salt, hashPassword(demoPassword, salt));
  }
  const addOrder = database.prepare('INSERT INTO orders (user_id, placed_at) VALUES (1, ?)');
  const addItem = database.prepare('INSERT INTO order_items VALUES (?, ?, ?, ?, ?)');
  for (let day = 1; day <= 28; day++) {
    const { lastInsertRowid } = addOrder.run(`2026-01-${String(day).padStart(2, '0')}T12:00:00Z`);
    const products = ['tea', 'cup', 'spoon'].slice(0, 1 + (day % 3));
    for (const [index, product] of products.entries()) {
      addItem.run(lastInsertRowid, index, product, 1 + (day % 4), 250 * (index + 1));
    }
  }
  database.pragma('user_version = 1');
}
