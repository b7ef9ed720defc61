import { statSync } from 'node:fs';
import { BackupError, systemCode } from '../../../../errors.js';
import type { ImportedFile } from '../../../database-content.js';
import { ReportBuilder } from '../../../report-builder.js';
import { describeError } from '../database/describe-error.js';
import { hashAndSync } from '../database/hash-and-sync.js';
import { openPrivate } from '../database/open-database.js';
import { countRows, readFacts, readObjects } from '../database/read-facts.js';
import { standAlone } from '../snapshot/finish-snapshot.js';
import type { TaskContext } from '../task.js';
import { checkForeignKeys, checkHeader, checkIntegrity, checkLength } from './check-content.js';

/**
 * Makes a received file, in place, a backup like our own: a standalone database that passed every check.
 * @throws BackupError `backup_damaged` for whatever is not a sound database
 */
export async function normaliseUpload({ file }: { file: string }, context: TaskContext): Promise<ImportedFile> {
  const startedAt = performance.now();
  const receivedSha256 = await context.hash(file);
  const report = new ReportBuilder();
  checkHeader(file, report, { standalone: false });
  refuseDamaged(report);
  try {
    standAlone(file);
    context.report({ phase: 'verifying', done: 0, total: statSync(file).size, unit: 'bytes' });
    const { sha256, result: content } = await hashAndSync(file, context, () => readUpload(file, report));
    refuseDamaged(report);
    const verificationMs = Math.round(performance.now() - startedAt);
    return {
      size: statSync(file).size,
      sha256,
      receivedSha256,
      ...content,
      verification: report.build(),
      verificationMs,
    };
  } catch (error) {
    if (error instanceof BackupError || saysNothingOfContent(error)) throw error;
    const problem = `SQLite cannot read the file: ${error instanceof Error ? error.message : String(error)}.`;
    throw new BackupError('backup_damaged', `The file is not a sound database: ${problem}`, {
      facts: { problems: [problem] },
      cause: error,
    });
  }
}

/** Faults of changing a file; those of reading it may come from its content. */
const changeFailed = /^SQLITE_(IOERR_(WRITE|FSYNC|DIR_FSYNC|TRUNCATE|DELETE|SHM)|CANTOPEN|READONLY)/;

/** A fault of the disk is no property of the file, and its message names paths of the server. */
function saysNothingOfContent(error: unknown): boolean {
  const code = systemCode(error);
  if (describeError(error).code === 'insufficient_storage') return true;
  return code !== undefined && (!code.startsWith('SQLITE_') || changeFailed.test(code));
}

function readUpload(file: string, report: ReportBuilder): Pick<ImportedFile, 'source' | 'tables' | 'objects'> {
  // On a read-only handle SQLite skips CHECK constraints.
  const database = openPrivate(file, { readonly: false });
  try {
    database.pragma('query_only = ON');
    checkLength(database, file, report);
    checkIntegrity(database, report, { level: 'full', strict: true });
    refuseDamaged(report);
    checkForeignKeys(database, report);
    return { source: readFacts(database), tables: countRows(database), objects: readObjects(database) };
  } finally {
    database.close();
  }
}

function refuseDamaged(report: ReportBuilder): void {
  const { ok, problems } = report.build();
  if (!ok)
    throw new BackupError('backup_damaged', `The file is not a sound database: ${problems.join(' ')}`, {
      facts: { problems },
    });
}
