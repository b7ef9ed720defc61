import type { TableRows } from '../../engines/database-content.js';
import type { Examination } from '../../engines/live-database.js';
import { BackupError } from '../../errors.js';
import type { ValidationReport } from '../../events/outcomes.js';
import { foldCase } from '../../system/fold-case.js';
import type { Backup } from '../../vault/backup.js';
import { shrunkTables } from '../content/content-warnings.js';
import { look, validateDatabase } from '../health/validate-database.js';
import type { OperationParts } from '../operation-parts.js';

/** A transaction that a migration has left open for longer was forgotten. */
const longestLockMs = 30_000;

export interface Judgement {
  readonly validation: ValidationReport;
  /** Rows by table. */
  readonly tables: { readonly before: TableRows; readonly after: TableRows };
}

/**
 * Validates what a migration has made of the database, and compares its rows with those of the backup from before it.
 * @throws Error with the first thing that is wrong; `Undecided` where it cannot be seen
 */
export async function judgeMigration(
  parts: OperationParts,
  backup: Backup | null,
  mayEmpty: readonly string[],
): Promise<Judgement> {
  const found = await lookUnlocked(parts);
  const validation = await validateDatabase(parts, found);
  const worst = validation.findings.find(({ severity }) => severity === 'critical');
  if (worst !== undefined) throw new Error(worst.message);
  const allowed = new Set(mayEmpty.map((table) => foldCase(table)));
  const [lost] = shrunkTables(found.rows, backup ?? undefined).filter(({ table }) => !allowed.has(foldCase(table)));
  if (lost !== undefined)
    throw new Error(
      `The table ${lost.table} had ${lost.before} rows and ${lost.after === null ? 'is gone' : 'has none'}.`,
    );
  return { validation, tables: { before: backup?.tables ?? {}, after: found.rows } };
}

/**
 * A connection of the migration may hold its lock for a moment longer; what it has not committed by then, nobody knows.
 * What cannot be seen is not taken for lost.
 */
async function lookUnlocked(parts: OperationParts): Promise<Examination> {
  const deadline = performance.now() + longestLockMs;
  for (;;) {
    try {
      return await look(parts, parts.options.limits.operationMs, { count: true, unwritten: true });
    } catch (error) {
      const isBusy = error instanceof BackupError && error.code === 'database_busy';
      if (isBusy && performance.now() < deadline) continue;
      throw new Undecided(
        `What the migration made of the database cannot be seen: ${parts.runner.told(error).message}`,
      );
    }
  }
}

/** Whether the migration succeeded cannot be told, so nothing is undone. */
export class Undecided extends Error {}
