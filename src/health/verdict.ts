import { missingTables } from '../system/missing-tables.js';
import type { BackupsAssessment } from './assess-backups.js';
import { type DatabaseState, type Expectations, tablesExpected } from './assess-database.js';
import type { Assessment, Checks, Finding } from './finding.js';

export type HealthStatus = 'healthy' | 'degraded' | 'critical';

/**
 * What `GET /health` answers. The rows of tables are those of the last count: in a large database it may be some minutes
 * old, or from before the last probe. What must be there is looked at each time.
 */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly message: string;
  readonly checks: Checks;
  readonly database: {
    readonly exists: boolean;
    /** Whether every table that must be there is, at the version that is expected. */
    readonly schema_valid: boolean;
    readonly missing_tables: readonly string[];
    readonly table_counts: Readonly<Record<string, number>>;
  };
  readonly backups: {
    /** Of the newest one that is neither a safety backup nor uploaded nor known to be damaged. */
    readonly lastSuccessAt: string | null;
    readonly ageSeconds: number | null;
    /** Of any kind, and no stray files. */
    readonly count: number;
    readonly nextRunAt: string | null;
  };
  readonly findings: readonly Finding[];
}

export function statusOf(findings: readonly Finding[]): HealthStatus {
  if (findings.some(({ severity }) => severity === 'critical')) return 'critical';
  return findings.length > 0 ? 'degraded' : 'healthy';
}

/** The worst finding, and at the end what to run, so that it can be copied. */
export function messageOf(findings: readonly Finding[]): string {
  const worst = findings.find(({ severity }) => severity === 'critical') ?? findings[0];
  if (worst === undefined) return 'The database and its backups are well.';
  const others = findings.length - 1;
  const more = others === 0 ? '' : ` ${others} more ${others === 1 ? 'check does' : 'checks do'} not pass.`;
  return `${worst.message}${more} Run: ${worst.command}`;
}

export function toReport(
  found: DatabaseState,
  wanted: Expectations,
  database: Assessment,
  backups: BackupsAssessment,
): HealthReport {
  const { checks: backupChecks, findings: backupFindings, ...told } = backups;
  const findings = [...database.findings, ...backupFindings];
  const isLocked = found.state === 'locked';
  const missing = isLocked ? [] : missingTables(tablesExpected(wanted), found.tables);
  const isValid =
    (isLocked || found.state === 'readable') && missing.length === 0 && database.checks.schema_version !== false;
  const { database_exists, ...rest } = database.checks;
  return {
    status: statusOf(findings),
    message: messageOf(findings),
    checks: { database_exists: database_exists ?? null, schema_valid: isValid, ...rest, ...backupChecks },
    database: {
      exists: found.state !== 'missing',
      schema_valid: isValid,
      missing_tables: missing,
      table_counts: found.rows,
    },
    backups: told,
    findings,
  };
}
