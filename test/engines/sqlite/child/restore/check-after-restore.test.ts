import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { VerificationReport } from '../../../../../dist/engines/database-content.js';
import {
  countRows,
  readFacts,
  readSchemaCookie,
} from '../../../../../dist/engines/sqlite/child/database/read-facts.js';
import { checkAfterRestore } from '../../../../../dist/engines/sqlite/child/restore/check-after-restore.js';
import { damagePages, overwrite } from '../../../../helpers/database-files.js';
import { openDatabase } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

/** Checks a database against what it was before the change. */
function checkAfter(
  change: (live: ReturnType<typeof openDatabase>) => void,
  required: string[] = [],
  replacedCookie: number | null = null,
): VerificationReport {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const [facts, rows] = [readFacts(live), countRows(live)];
  change(live);
  return checkAfterRestore(live.name, { facts, rows, replacedCookie }, required);
}

it('what was restored passes', () => {
  const passed = { quick_check: 'passed', schema: 'passed', required_tables: 'passed', rows: 'passed' };
  expect(checkAfter(() => undefined, ['items'])).toEqual({ ok: true, checks: passed, problems: [], warnings: [] });
});

it('rows that the application has written since are a warning that names their tables', () => {
  const report = checkAfter((live) => live.exec("INSERT INTO commits VALUES ('since')"));
  expect(report).toMatchObject({
    ok: true,
    checks: { rows: 'warning' },
    warnings: ['The application has written since the restore: commits.'],
  });
});

it('a schema that the application has changed since is a warning', () => {
  expect(checkAfter((live) => live.exec('CREATE TABLE other (x)'))).toMatchObject({
    ok: true,
    checks: { schema: 'warning', rows: 'passed' },
    warnings: ['The application has changed the schema since the restore.'],
  });
});

it('content that was not replaced is a failure, whatever else passes', () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const cookie = readSchemaCookie(live);
  expect(checkAfter(() => undefined, [], cookie)).toMatchObject({ ok: false, checks: { replaced: 'failed' } });
  expect(checkAfter(() => undefined, [], cookie - 1)).toMatchObject({ ok: true });
});

it('a required table that is missing is a failure', () => {
  expect(checkAfter(() => undefined, ['users']).problems).toEqual(['Required tables are missing: users.']);
});

it('damaged pages are a failure', () => {
  const report = checkAfter((live) => {
    live.pragma('wal_checkpoint(TRUNCATE)');
    damagePages(live.name, 10, 3);
  });
  expect(report).toMatchObject({ ok: false, checks: { quick_check: 'failed' } });
});

it('a schema that cannot be read is a failure, and no error', () => {
  const report = checkAfter((live) => {
    live.pragma('wal_checkpoint(TRUNCATE)');
    overwrite(live.name, 100, Buffer.alloc(3996, 0xa5));
  });
  expect(report.ok).toBe(false);
  expect(report.problems.join(' ')).toContain('malformed');
});
