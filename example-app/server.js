import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createApp } from './app.js';
import { demoPassword } from './database.js';
import { roundTrip } from './round-trip.js';

const data = fileURLToPath(new URL('./data/', import.meta.url));
const { app, backups, database } = createApp({
  databaseFile: process.env.DATABASE ?? `${data}shop.db`,
  backupDirectory: process.env.BACKUPS ?? `${data}backups`,
  jwtSecret: process.env.JWT_SECRET ?? randomBytes(32).toString('hex'),
});
await backups.start();

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', async (error) => {
  if (error) throw error;
  const base = `http://127.0.0.1:${server.address().port}`;
  const response = await fetch(`${base}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: 'developer@example.com', password: demoPassword }),
  });
  const { token } = await response.json();
  console.log(`The shop is open at ${base}\n\n${roundTrip(base, token)}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    server.close();
    await backups.close();
    database.close();
    process.exit(0);
  });
}
