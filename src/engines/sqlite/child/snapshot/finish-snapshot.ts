import { existsSync, statSync } from 'node:fs';
import type { Snapshot, SnapshotInput } from '../../../database-content.js';
import { ReportBuilder } from '../../../report-builder.js';
import { hashAndSync } from '../database/hash-and-sync.js';
import { openPrivate } from '../database/open-database.js';
import { countRows, everyTable, readFacts } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import {
  checkForeignKeys,
  checkHeader,
  checkIntegrity,
  checkLength,
  checkRequiredTables,
  checkSchema,
} from '../verify/check-content.js';

export interface FinishInput extends SnapshotInput {
  /** What the schema of the live database was when it was pinned. */
  readonly schemaSha256: string;
}

/** Makes a copy a standalone database; checks it while its digest is computed and its bytes are brought to the disk. */
export async function finishSnapshot(input: FinishInput, context: TaskContext): Promise<Snapshot> {
  const { destination, level } = input;
  context.report({ phase: 'finishing', done: 0, total: 0, unit: 'bytes' });
  standAlone(destination);
  const startedAt = performance.now();
  context.report({ phase: 'verifying', done: 0, total: statSync(destination).size, unit: 'bytes' });
  const { sha256, result } = await hashAndSync(destination, context, () => checkSnapshot(input));
  const verificationMs = level === 'none' ? 0 : Math.round(performance.now() - startedAt);
  return { size: statSync(destination).size, sha256, ...result, verificationMs };
}

/**
 * Takes in a write-ahead log that lies beside the file and leaves that mode: the file can be copied, moved and opened
 * alone. It is private until it is published, so nothing is synced here; a crash leaves it to be swept.
 */
export function standAlone(file: string): void {
  const database = openPrivate(file, { readonly: false });
  try {
    // Nobody else opens it, so the index of its log need not be a file.
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('synchronous = OFF');
    const mode = database.pragma('journal_mode = DELETE', { simple: true });
    if (mode !== 'delete') throw new Error(`The copy stayed in journal mode ${String(mode)}.`);
  } finally {
    database.close();
  }
  // A fault of the disk while the mode changes is not told by the pragma, and is no property of the content. A journal
  // that stayed would roll the file back when it is opened next, and a log be applied to it.
  const report = new ReportBuilder();
  checkHeader(file, report, { standalone: true });
  if (!report.ok || ['-journal', '-wal'].some((suffix) => existsSync(file + suffix)))
    throw Object.assign(new Error('The copy could not be brought out of its journal mode.'), { code: 'EIO' });
}

function checkSnapshot({
  destination,
  level,
  requiredTables,
  schemaSha256,
}: FinishInput): Pick<Snapshot, 'source' | 'tables' | 'verification'> {
  const report = new ReportBuilder();
  checkHeader(destination, report, { standalone: true });
  const database = openPrivate(destination, { readonly: true });
  try {
    checkLength(database, destination, report);
    checkSchema(database, schemaSha256, report);
    if (level !== 'none') checkIntegrity(database, report, { level, strict: false });
    if (level === 'full') checkForeignKeys(database, report);
    const tables = countRows(database, {
      onDamaged: (name) => report.fail('rows', `Table ${name} cannot be read to its end.`),
    });
    checkRequiredTables(everyTable(database), requiredTables, report);
    return { source: readFacts(database), tables, verification: report.build() };
  } finally {
    database.close();
  }
}
