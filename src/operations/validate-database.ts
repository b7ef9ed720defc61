import { BackupError } from '../errors.js';
import type { ValidationReport } from '../events/outcomes.js';
import { isUsable } from '../health/assess-backups.js';
import { assessDatabase, type DatabaseState, lockedDatabase } from '../health/assess-database.js';
import { type Assessment, AssessmentBuilder, commands } from '../health/finding.js';
import { askHost } from './ask-host.js';
import type { OperationParts } from './operation-parts.js';

/** Reading a very large database to its end takes a while; a start waits no longer than this. */
const longestMs = 60_000;

/**
 * Looks whether the live database is what the application needs: it is there, can be read, has its tables and rows, and
 * passes the host's own check. Tells listeners what it found.
 */
export async function validateDatabase(parts: OperationParts): Promise<ValidationReport> {
  const { options, events } = parts;
  const startedAt = performance.now();
  const found = await examine(parts);
  const { checks, findings } = assessDatabase(found, options, await hasBackup(parts));
  const hostCheck = await checkByHost(parts, found);
  const all = [...findings, ...hostCheck.findings];
  const report: ValidationReport = {
    ok: all.every(({ severity }) => severity !== 'critical'),
    checks: { ...checks, ...hostCheck.checks },
    findings: all,
    durationMs: Math.round(performance.now() - startedAt),
  };
  events.emit('database.validated', report);
  return report;
}

/**
 * Looks again at a database that was found wanting, when a backup or a restore suggests that it was mended: nobody is
 * to be told for days of what is over. @returns ends it, and resolves when no look is under way
 */
export function watchValidity(parts: OperationParts): () => Promise<void> {
  const { events, runner } = parts;
  let isInvalid = false;
  let looking: Promise<unknown> = Promise.resolve();
  const lookAgain = (): void => {
    if (isInvalid) looking = looking.then(() => validateDatabase(parts)).catch((error: unknown) => runner.told(error));
  };
  const stops = [
    events.on('database.validated', ({ ok }) => {
      isInvalid = !ok;
    }),
    events.on('backup.created', lookAgain),
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

export async function examine(
  { engine, options }: OperationParts,
  count: 'all' | readonly string[] = Object.keys(options.minimumRows),
): Promise<DatabaseState> {
  const context = { signal: AbortSignal.timeout(longestMs), onProgress: () => undefined, lockFile: null };
  try {
    return await engine.examine({ count }, context);
  } catch (error) {
    if (error instanceof BackupError && error.code === 'database_busy') return lockedDatabase;
    throw error;
  }
}

/** Whether something could be restored; a vault that cannot be read has nothing to offer now. */
async function hasBackup({ vault }: OperationParts): Promise<boolean> {
  const backups = await vault.list().catch(() => []);
  return backups.some((backup) => isUsable(backup) && backup.kind !== 'safety');
}

async function checkByHost(parts: OperationParts, found: DatabaseState): Promise<Assessment> {
  const { liveFile } = parts.engine;
  const answer = liveFile === null || found.state !== 'readable' ? null : await askHost(parts, liveFile);
  const report = new AssessmentBuilder();
  if (answer !== null)
    report.check('host_check', answer.passed, {
      severity: 'critical',
      message: answer.problem,
      command: commands.doctor,
    });
  return report.build();
}
