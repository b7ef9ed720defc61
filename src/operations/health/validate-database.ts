import type { UnfinishedMigration } from '../../coordination/migration-note.js';
import type { Examination, ExamineInput } from '../../engines/live-database.js';
import { BackupError } from '../../errors.js';
import type { ValidationReport } from '../../events/outcomes.js';
import { findWaysBack } from '../../health/assess-backups.js';
import { assessDatabase, type DatabaseState, lockedDatabase, unseenDatabase } from '../../health/assess-database.js';
import { assessMigration } from '../../health/assess-migration.js';
import { type Assessment, AssessmentBuilder, commands, together } from '../../health/finding.js';
import type { OperationParts } from '../operation-parts.js';
import { askHost } from './ask-host.js';

/** A start waits no longer for a look than this. */
const longestMs = 60_000;

/**
 * Looks whether the live database is what the application needs: it is there, can be read, has its tables and rows, and
 * passes the host's own check. Tells listeners what it found.
 */
export async function validateDatabase(parts: OperationParts, seen?: DatabaseState): Promise<ValidationReport> {
  const { options, events } = parts;
  const startedAt = performance.now();
  const found = seen ?? (await examine(parts));
  // A vault that cannot be read has nothing to offer now.
  const backups = await parts.vault.list().catch(() => []);
  const ways = findWaysBack(backups, options);
  const { checks, findings } = together(
    assessDatabase(found, options, ways),
    await checkByHost(parts, found, ways.whole),
    assessMigration(unfinishedMigration(parts), backups),
  );
  const report: ValidationReport = {
    ok: findings.every(({ severity }) => severity !== 'critical'),
    checks,
    findings,
    durationMs: Math.round(performance.now() - startedAt),
  };
  events.emit('database.validated', report);
  return report;
}

/**
 * Looks again at a database when a restore has replaced it: the backup may have fewer rows than there must be. One that
 * was found wanting is looked at after a backup too, which suggests that it was mended: nobody is to be told for days
 * of what is over. @returns ends it, and resolves when no look is under way
 */
export function watchValidity(parts: OperationParts): () => Promise<void> {
  const { events, runner } = parts;
  let isInvalid = false;
  let looking: Promise<unknown> = Promise.resolve();
  const lookAgain = (): void => {
    looking = looking.then(() => validateDatabase(parts)).catch((error: unknown) => runner.told(error));
  };
  const stops = [
    events.on('database.validated', ({ ok }) => {
      isInvalid = !ok;
    }),
    events.on('backup.created', () => {
      if (isInvalid) lookAgain();
    }),
    events.on('restore.finished', lookAgain),
  ];
  return async () => {
    for (const stop of stops) stop();
    await looking;
  };
}

/** @throws BackupError `database_invalid` with the findings */
export function requireValid({ ok, findings }: ValidationReport): void {
  const [worst] = findings.filter(({ severity }) => severity === 'critical');
  if (ok || worst === undefined) return;
  throw new BackupError('database_invalid', `${worst.message} Run: ${worst.command}`, { facts: { findings } });
}

/** What cannot be seen is an answer too, and its cause is told to the host: a start does not fail by it. */
export async function examine(parts: OperationParts): Promise<DatabaseState> {
  try {
    return await look(parts, longestMs);
  } catch (error) {
    if (error instanceof BackupError && error.code === 'database_busy') return lockedDatabase;
    parts.runner.told(error);
    return unseenDatabase;
  }
}

/** @throws BackupError `database_busy`; a TimeoutError; whatever the engine fails with */
export function look(
  { engine, options: { minimumRows } }: OperationParts,
  mostMs: number,
  how: Partial<Pick<ExamineInput, 'count' | 'unwritten'>> = {},
): Promise<Examination> {
  const signal = AbortSignal.timeout(mostMs);
  return engine.examine({ count: false, ...how, minimumRows }, { signal, onProgress: () => undefined, lockFile: null });
}

/** Where notes cannot be read, backups cannot either, and that is told. */
function unfinishedMigration({ migration, runner }: OperationParts): UnfinishedMigration | null {
  try {
    return migration.unfinished();
  } catch (error) {
    runner.told(error);
    return null;
  }
}

/** What it found wrong only the application knows: what is different from the last backup may tell. */
async function checkByHost(
  parts: OperationParts,
  found: DatabaseState,
  restorable: string | null,
): Promise<Assessment> {
  const { liveFile } = parts.engine;
  const answer = liveFile === null || found.state !== 'readable' ? null : await askHost(parts, liveFile);
  const report = new AssessmentBuilder();
  if (answer !== null)
    report.check('host_check', answer.passed, {
      severity: 'critical',
      message: answer.problem,
      command: restorable === null ? commands.migrate : commands.compare(restorable),
    });
  return report.build();
}
