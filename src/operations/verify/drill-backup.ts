import { join } from 'node:path';
import type { VerificationReport } from '../../engines/database-content.js';
import type { Manifest } from '../../vault/manifest.js';
import { holdsWhatWasThere, requiredTablesOf } from '../content/required-tables.js';
import { askHost } from '../health/ask-host.js';
import type { OperationParts } from '../operation-parts.js';
import type { OperationContext } from '../run/operation-spec.js';
import { withSpace } from '../staging/require-space.js';
import { stageCopy } from '../staging/stage-backup.js';

export interface Drill {
  readonly report: VerificationReport;
  /** Absent when it did not come to a restore. */
  readonly restoreMs?: number;
}

/**
 * 1. Stages a private copy and checks it in full, as a restore does.
 * 2. Restores it into a scratch database, by the code that restores into the live one.
 * 3. Lets the application look at what came out of it.
 *
 * Everything it makes lies in the operation's own directory.
 */
export async function drillBackup(
  parts: OperationParts,
  manifest: Manifest,
  context: OperationContext,
): Promise<Drill> {
  // The staged copy, the scratch database, and its write-ahead log.
  return withSpace(parts.vault, 3 * manifest.size, async () => {
    const source = join(context.staging, `drill-source.${parts.engine.extension}`);
    const { verification: staged } = await stageCopy(parts, manifest, source, context);
    if (!staged.ok) return { report: staged };
    const scratch = join(context.staging, `drill.${parts.engine.extension}`);
    const safetyDestination = join(context.staging, `drill-before.${parts.engine.extension}`);
    const requiredTables = requiredTablesOf(parts, manifest.kind);
    const { report, restoreMs } = await parts.engine.rehearse(
      { source, scratch, safetyDestination, requiredTables },
      context.engine,
    );
    const checked = report.ok && !holdsWhatWasThere(manifest.kind) ? await checkByHost(parts, scratch, context) : {};
    return { report: merge(staged, report, checked), restoreMs };
  });
}

async function checkByHost(
  parts: OperationParts,
  scratch: string,
  context: OperationContext,
): Promise<Partial<VerificationReport>> {
  context.phase('asking the application');
  const answer = await askHost(parts, scratch, context.signal);
  if (answer === null) return {};
  return answer.passed ? { checks: { host: 'passed' } } : { checks: { host: 'failed' }, problems: [answer.problem] };
}

function merge(...reports: readonly Partial<VerificationReport>[]): VerificationReport {
  const problems = reports.flatMap((report) => report.problems ?? []);
  return {
    ok: problems.length === 0,
    problems,
    warnings: reports.flatMap((report) => report.warnings ?? []),
    checks: Object.assign({}, ...reports.map(({ checks }) => checks)) as VerificationReport['checks'],
  };
}
