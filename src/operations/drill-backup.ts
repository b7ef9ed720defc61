import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { VerificationReport } from '../engines/engine.js';
import type { Manifest } from '../vault/manifest.js';
import type { OperationParts } from './operation-parts.js';
import type { OperationContext } from './operation-runner.js';
import { withSpace } from './require-space.js';
import { stageCopy } from './stage-backup.js';

/** A check of the application that takes longer has lost its way. */
const longestCheckMs = 5 * 60_000;

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
    const { requiredTables } = parts.options;
    const { report, restoreMs } = await parts.engine.rehearse(
      { source, scratch, safetyDestination, requiredTables },
      context.engine,
    );
    const checked = report.ok ? await askHost(parts, scratch, context) : {};
    return { report: merge(staged, report, checked), restoreMs };
  });
}

/** What the application finds is told in its own words; that it threw is all that can be said otherwise. */
async function askHost(
  { options, events }: OperationParts,
  scratch: string,
  context: OperationContext,
): Promise<Partial<VerificationReport>> {
  if (options.check === undefined) return {};
  context.phase('asking the application');
  const waiting = new AbortController();
  const signal = AbortSignal.any([waiting.signal, context.signal]);
  const tooLong = delay(longestCheckMs, 'late' as const, { ref: false, signal });
  tooLong.catch(() => undefined);
  try {
    const said = await Promise.race([Promise.resolve(options.check(scratch)), tooLong]);
    if (said !== false && said !== 'late') return { checks: { host: 'passed' } };
    const why = said === 'late' ? `did not end within ${longestCheckMs} ms` : 'said no';
    return { checks: { host: 'failed' }, problems: [`check() of the application ${why}.`] };
  } catch (error) {
    context.signal.throwIfAborted();
    events.emit('internal.error', { instance: null, error });
    return { checks: { host: 'failed' }, problems: ['check() of the application failed.'] };
  } finally {
    waiting.abort();
  }
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
