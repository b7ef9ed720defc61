import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canTrace } from '../helpers/faults/strace.js';
import { createDatabase } from '../helpers/live-database.js';
import { type Opening, traceOpenings } from '../helpers/open-trace.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/**
 * SQLite opens with O_NOFOLLOW, which Node never adds by itself; where this package adds it, O_NONBLOCK goes with it.
 * The control shows that an ordinary read of Node is told apart.
 */
const isOfSqlite = ({ flags }: Opening): boolean => flags.includes('O_NOFOLLOW') && !flags.includes('O_NONBLOCK');

function traceApp(...mode: string[]): { openings: Opening[]; folder: string } {
  const folder = temporaryFolder();
  createDatabase(join(folder, 'app.db')).close();
  return { folder, openings: traceOpenings('every-route', folder, ...mode) };
}

/** What was opened of the live database and of the locks: their own files and what SQLite lays beside them. */
function guarded({ openings, folder }: { openings: Opening[]; folder: string }): Opening[] {
  const sidecar = /(?:-wal|-shm|-journal)?$/;
  return openings
    .filter(({ path }) => path.startsWith(folder))
    .map(({ path, flags }) => ({ path: path.slice(folder.length + 1).replace(sidecar, ''), flags }))
    .filter(({ path }) => path === 'app.db' || path.endsWith('.lock'));
}

// Closing any other descriptor of a file drops every lock that the process holds on it (POSIX, fcntl).
describe.runIf(canTrace())('the application that uses every route opens', () => {
  it('its live database and the locks through SQLite alone, in all of its threads', () => {
    const traced = traceApp();
    const opened = guarded(traced);
    expect(opened.filter((opening) => !isOfSqlite(opening))).toEqual([]);
    expect(new Set(opened.map(({ path }) => path.replace(/instances\/.*/, 'instances')))).toEqual(
      new Set([
        'app.db',
        'backups/.state/operation.lock',
        'backups/.state/vault.lock',
        'backups/.state/audit.lock',
        'backups/.state/instances',
      ]),
    );
  });

  it('one of them by itself when it is made to, and that is seen', () => {
    const opened = guarded(traceApp('peek')).filter((opening) => !isOfSqlite(opening));
    expect(opened.map(({ path }) => path)).toEqual(['app.db', 'backups/.state/operation.lock']);
  });
});
