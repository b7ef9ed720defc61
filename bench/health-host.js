import { once } from 'node:events';
import { createServer } from 'node:http';
import Database from 'better-sqlite3';
import express from 'express';
import { createBackupService, healthRouter } from 'express-db-backup';

/** Entry of an application: it answers requests from its database, and writes to it ten times a second. */
const [, , file, directory] = process.argv;
const database = new Database(file);
// As is usual with a write-ahead log: no request waits for the disk, whose own moods are not measured here.
database.pragma('synchronous = NORMAL');
const service = createBackupService({ database: file, directory, schedule: false, verifyEvery: false });
await service.create();

const find = database.prepare('SELECT id, status, total FROM orders WHERE id = ?');
const change = database.prepare("UPDATE orders SET status = 'sent' WHERE id = ?");
let next = 0;
setInterval(() => change.run(++next), 100);

const app = express();
app.get('/orders', (_request, response) => response.json(find.get(next)));
app.get('/constant', (_request, response) => response.json({ status: 'ok' }));
const health = healthRouter(service, { details: 'public' });
app.use('/health', health);

async function listen(listener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  // A connection that is closed while a request is on its way would be an error of the measurement.
  server.keepAliveTimeout = 60_000;
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

process.send({ app: await listen(app), alone: await listen(health) });
