import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Rows that every state of the database has. */
const knownRows = 10_000;

/** Reads one row with a prepared statement of the host about every millisecond. */
export function startReader(database) {
  const select = database.prepare('SELECT id, document FROM orders WHERE id = ?').raw();
  const totals = { reads: 0, failures: 0, longestMs: 0 };
  const timer = setInterval(() => {
    const id = 1 + Math.floor(Math.random() * knownRows);
    const startedAt = performance.now();
    try {
      if (select.get(id)?.[0] !== id) totals.failures++;
    } catch {
      totals.failures++;
    }
    totals.reads++;
    totals.longestMs = Math.max(totals.longestMs, performance.now() - startedAt);
  }, 1);
  return () => {
    clearInterval(timer);
    return totals;
  };
}

/** Starts the writer's process and resolves when it has committed its first row. */
export async function startWriter(file) {
  const child = fork(fileURLToPath(new URL('./writer.js', import.meta.url)), [file]);
  await once(child, 'message');
  return async () => {
    child.send('stop');
    const [totals] = await once(child, 'message');
    await once(child, 'exit');
    return totals;
  };
}
