import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import type { ExpectedContent, VerificationReport, VerifyInput } from '../../../database-content.js';
import { ReportBuilder } from '../../../report-builder.js';
import { openPrivate } from '../database/open-database.js';
import type { TaskContext } from '../task.js';
import { checkForeignKeys, checkHeader, checkIntegrity, checkLength, checkRows, checkSchema } from './check-content.js';

const deepChecks = ['pages', 'integrity_check', 'foreign_keys', 'schema', 'rows'] as const;

/**
 * Verifies a stored backup without changing anything. The bytes come first: SQLite is asked only about a file that
 * is, bit for bit, the one that was published, so a file that was swapped or edited is never opened by it.
 */
export async function verifyFile(
  { file, level, expected }: VerifyInput,
  context: TaskContext,
): Promise<VerificationReport> {
  const report = new ReportBuilder();
  checkSurroundings(file, report);
  if (report.ok) await checkBytes(file, expected, report, context);
  if (report.ok) checkHeader(file, report, { standalone: true });
  if (report.ok && level === 'full') {
    context.report({ phase: 'checking', done: 0, total: expected.size, unit: 'bytes' });
    checkStored(file, expected, report);
  }
  report.skip('file', 'sidecars', 'size', 'sha256', 'header', ...(level === 'full' ? deepChecks : []));
  return report.build();
}

/** A `-wal` or `-journal` beside a backup would replace its content as soon as anyone opens it. */
function checkSurroundings(file: string, report: ReportBuilder): void {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  report.check('file', stat?.isFile() === true, 'The file is missing or is not a regular file.');
  const sidecars = ['-wal', '-shm', '-journal'].filter(
    (suffix) => lstatSync(file + suffix, { throwIfNoEntry: false }) !== undefined,
  );
  report.check(
    'sidecars',
    sidecars.length === 0,
    `Files lie beside the backup that would change it: ${sidecars.map((suffix) => basename(file) + suffix).join(', ')}.`,
  );
}

async function checkBytes(
  file: string,
  expected: ExpectedContent,
  report: ReportBuilder,
  context: TaskContext,
): Promise<void> {
  const { size } = lstatSync(file);
  report.check('size', size === expected.size, `The file has ${size} bytes where ${expected.size} were published.`);
  if (!report.ok) return;
  context.report({ phase: 'hashing', done: 0, total: size, unit: 'bytes' });
  report.check(
    'sha256',
    (await context.hash(file)) === expected.sha256,
    'The SHA-256 is not the one that was published.',
  );
}

/** The checks that need SQLite, on a file whose bytes are known to be right. */
export function checkStored(
  file: string,
  expected: Pick<ExpectedContent, 'schemaSha256' | 'tables'>,
  report: ReportBuilder,
): void {
  const database = openPrivate(file, { readonly: true });
  try {
    checkLength(database, file, report);
    checkIntegrity(database, report, { level: 'full', strict: false });
    checkForeignKeys(database, report);
    checkSchema(database, expected.schemaSha256, report);
    checkRows(database, expected.tables, report);
  } catch (error) {
    report.fail(
      'integrity_check',
      `SQLite cannot read the file: ${error instanceof Error ? error.message : String(error)}.`,
    );
  } finally {
    database.close();
  }
}
