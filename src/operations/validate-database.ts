import { BackupError } from '../errors.js';
import type { ValidationReport } from '../events/outcomes.js';
import { isUsable } from '../health/assess-backups.js';
import { assessDatabase, type DatabaseState, lockedDatabase } from '../health/assess-database.js';
import { type Assessment, commands, type Finding } from '../health/finding.js';
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
  const hostCheck = await askHost(parts, found);
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

/** @throws BackupError `database_invalid` with the findings */
export function requireValid({ ok, findings }: ValidationReport): void {
  const [worst] = findings.filter(({ severity }) => severity === 'critical');
  if (ok || worst === undefined) return;
  throw new BackupError('database_invalid', `${worst.message} Run: ${worst.command}`, { facts: { findings } });
}

export async function examine({ engine, options }: OperationParts): Promise<DatabaseState> {
  const context = { signal: AbortSignal.timeout(longestMs), onProgress: () => undefined, lockFile: null };
  try {
    return await engine.examine({ count: Object.keys(options.minimumRows) }, context);
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

/** Why it failed is for the host's own log. */
async function askHost({ engine, options, events }: OperationParts, found: DatabaseState): Promise<Assessment> {
  const { check } = options;
  if (check === undefined || engine.liveFile === null || found.state !== 'readable')
    return { checks: {}, findings: [] };
  const finding: Finding = {
    check: 'host_check',
    severity: 'critical',
    message: 'The application’s own check of the database failed.',
    command: commands.doctor,
  };
  try {
    if ((await check(engine.liveFile)) !== false) return { checks: { host_check: true }, findings: [] };
  } catch (error) {
    events.emit('internal.error', { instance: null, error });
  }
  return { checks: { host_check: false }, findings: [finding] };
}
