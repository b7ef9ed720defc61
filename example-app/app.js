import { timingSafeEqual } from 'node:crypto';
import express from 'express';
import { backupRouter, createBackupService, healthRouter, jwtAuth } from 'express-db-backup';
import jwt from 'jsonwebtoken';
import { hashPassword, openDatabase } from './database.js';

/** A small shop. Everything that concerns backups is in the two places marked below. */
export function createApp({ databaseFile, backupDirectory, jwtSecret }) {
  const database = openDatabase(databaseFile);
  const app = express();
  app.use(express.json());

  // 1. The service, for the database that this very process is using.
  const backups = createBackupService({
    database: databaseFile,
    directory: backupDirectory,
    minimumRows: { users: 1 },
  });
  backups.on('internal.error', ({ instance, error }) => console.error(instance, error));
  // 2. Its routes.
  const authenticate = jwtAuth({ secret: jwtSecret });
  app.use('/api/backup', backupRouter(backups, { authenticate }));
  app.use('/health', healthRouter(backups, { authenticate }));

  const findUser = database.prepare('SELECT * FROM users WHERE email = ?');
  app.post('/login', (request, response) => {
    const { email, password } = request.body ?? {};
    const user = findUser.get(String(email));
    if (!user || !timingSafeEqual(hashPassword(String(password), user.password_salt), user.password_hash)) {
      return response.status(401).json({ error: 'Unknown user or wrong password' });
    }
    const token = jwt.sign({ role: user.role }, jwtSecret, { subject: user.email, expiresIn: '8h' });
    return response.json({ token });
  });

  const summary = database.prepare(
    'SELECT count(DISTINCT order_id) AS orders, count(*) AS items, coalesce(sum(quantity * cents), 0) AS cents FROM order_items',
  );
  app.get('/orders', (_request, response) => response.json(summary.get()));

  const addOrder = database.prepare(
    "INSERT INTO orders (user_id, placed_at) SELECT id, datetime('now') FROM users WHERE email = ?",
  );
  const addItem = database.prepare('INSERT INTO order_items VALUES (?, ?, ?, ?, ?)');
  const placeOrder = database.transaction((email, items) => {
    const { lastInsertRowid } = addOrder.run(email);
    for (const [position, { product, quantity, cents }] of items.entries()) {
      addItem.run(lastInsertRowid, position, product, quantity, cents);
    }
    return Number(lastInsertRowid);
  });
  app.post('/orders', signedIn, (request, response) => {
    response.status(201).json({ id: placeOrder(request.user.id, request.body.items) });
  });

  // The careless click.
  const deleteOrders = database.prepare('DELETE FROM orders');
  app.delete('/orders', signedIn, (_request, response) => response.json({ deleted: deleteOrders.run().changes }));

  function signedIn(request, response, next) {
    request.user = authenticate(request);
    return request.user ? next() : response.status(401).json({ error: 'Please log in' });
  }

  return { app, backups, database };
}
