import type { Database } from '../../../../system/load-better-sqlite3.js';
import type { DatabaseFacts, TableRows, VerificationReport } from '../../../database-content.js';
import { ReportBuilder } from '../../../report-builder.js';
import { saysBusy } from '../database/describe-error.js';
import { pinLive } from '../database/open-database.js';
import { countRows, everyTable, readSchemaCookie, schemaDigest } from '../database/read-facts.js';
import { checkIntegrity, checkRequiredTables } from '../verify/check-content.js';

export interface RestoredContent {
  readonly facts: DatabaseFacts;
  readonly rows: TableRows;
  /** The schema cookie of what was replaced in the file, or null where the file itself was replaced. */
  readonly replacedCookie: number | null;
}

/**
 * Looks at the live database as the application now sees it. The lock is free: the application may have written or
 * migrated since, so rows and a schema that differ are warnings. A broken page, or a required table that is gone, is a failure.
 */
export function checkAfterRestore(
  live: string,
  { facts, rows, replacedCookie }: RestoredContent,
  requiredTables: readonly string[],
): VerificationReport {
  const report = new ReportBuilder();
  let database: Database | undefined;
  try {
    database = pinLive(live);
    checkIntegrity(database, report, { level: 'quick', strict: false });
    // The backup API could tell of a commit that found the file locked as of one that happened.
    if (readSchemaCookie(database) === replacedCookie)
      report.fail('replaced', 'The live database still has the content from before the restore.');
    if (schemaDigest(database) === facts.schemaSha256) report.check('schema', true, '');
    else report.warn('schema', 'The application has changed the schema since the restore.');
    const now = countRows(database);
    checkRequiredTables(everyTable(database), requiredTables, report);
    const moved = Object.keys(rows).filter((name) => rows[name] !== now[name]);
    if (moved.length === 0) report.check('rows', true, '');
    else report.warn('rows', `The application has written since the restore: ${moved.slice(0, 20).join(', ')}.`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (saysBusy(error))
      report.warn('readable', 'The live database is locked by another connection; it was not looked at.');
    else report.fail('readable', `The live database cannot be read: ${message}.`);
  } finally {
    database?.close();
  }
  return report.build();
}
