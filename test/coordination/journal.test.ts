import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createJournal, type Journal } from '../../dist/coordination/journal.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const intent = {
  instance: 'service',
  startedAt: '2026-01-08T21:00:00.000Z',
  startedBy: 'ada',
  restored: 'app_backup_2026-01-08_21-00-00.db',
  only: null,
  before: { schemaCookie: 1 },
  raisesCookieBy: 1,
  schemaSha256: '',
  rows: {},
  undoes: null,
  incoming: null,
};

async function begin(journal: Journal, folder: string, safetyBackup: string): Promise<void> {
  await journal.intend({ ...intent, operation: `before ${safetyBackup}` }, folder);
  await journal.secured(safetyBackup, folder);
}

it.each([
  ['new', 'last-restore-unknown.json'],
  ['unknown', 'last-restore.json'],
] as const)(
  'an end (%s) that is cut short leaves the entry, and no other restore as the last one',
  async (live, other) => {
    const folder = temporaryFolder();
    const journal = createJournal(folder);
    await begin(journal, folder, 'second');
    // A folder in the place of the ending of an earlier restore stops it in the middle.
    mkdirSync(join(folder, other));
    await expect(journal.end(live)).rejects.toThrow();
    rmSync(join(folder, other), { recursive: true });
    expect([journal.read()?.safetyBackup, journal.last()]).toEqual(['second', null]);
    await journal.end(live);
    expect(journal.read()).toBeNull();
    expect(journal.last()).toEqual({ safetyBackup: 'second', only: null, isUnknown: live === 'unknown' });
  },
);

it.each(['new', 'unknown'] as const)(
  'the last of several restores is told, whatever came of the one before it (%s)',
  async (first) => {
    const folder = temporaryFolder();
    const journal = createJournal(folder);
    await begin(journal, folder, 'first');
    await journal.end(first);
    await begin(journal, folder, 'second');
    await journal.end('new');
    expect(journal.last()).toEqual({ safetyBackup: 'second', only: null, isUnknown: false });
    await begin(journal, folder, 'third');
    await journal.end('old');
    expect(journal.last()?.safetyBackup).toBe('second');
  },
);
