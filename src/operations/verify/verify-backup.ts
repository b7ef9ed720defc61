import type { VerificationReport } from '../../engines/database-content.js';
import type { VerifyOutcome } from '../../events/outcomes.js';
import type { CheckLevel, VerificationLevel } from '../../options/backup-kind.js';
import type { Manifest } from '../../vault/manifest.js';
import { expectedContent } from '../content/expected-content.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationContext, OperationRun } from '../run/operation-spec.js';
import { unlessRemoved } from '../staging/unless-removed.js';
import { type Drill, drillBackup } from './drill-backup.js';
import { recordVerdict } from './record-verdict.js';

export interface VerifyInput extends Caller {
  /**
   * `quick` compares every byte with what was published; `full` (the default) also lets SQLite check the content;
   * `drill` restores it into a scratch database, and lets the application's own `check` look at that.
   */
  readonly level?: VerificationLevel | undefined;
}

/**
 * 1. Checks the file against its manifest, without changing anything.
 * 2. Writes the verdict into the manifest.
 *
 * A damaged backup is an answer, not an error.
 * @throws BackupError `backup_not_found`, `invalid_filename`, `deadline_exceeded`
 */
export function verifyBackup(
  parts: OperationParts,
  nameOrLatest: string,
  input: VerifyInput,
): OperationRun<VerifyOutcome> {
  const level = input.level ?? 'full';
  const spec = {
    type: 'verify',
    by: callerName(input),
    from: input.from,
    file: nameOrLatest,
    exclusive: false,
    signal: input.signal,
  } as const;
  return parts.runner.run(spec, async (context) => {
    const startedAt = performance.now();
    const { filename, manifest } = await parts.vault.manifest(nameOrLatest);
    context.concerns(filename);
    const release = parts.vault.hold(filename);
    try {
      const { report, ...drill } = await look(parts, filename, manifest, level, context);
      const outcome = { filename, level, ...report, ...drill, durationMs: Math.round(performance.now() - startedAt) };
      const recorded = manifest === null ? outcome : await recordVerdict(parts, outcome, context);
      parts.events.emit(recorded.ok ? 'backup.verified' : 'backup.damaged', recorded);
      return recorded;
    } finally {
      release();
    }
  });
}

const withoutManifest: VerificationReport = {
  ok: false,
  checks: { manifest: 'failed' },
  problems: ['The backup has no manifest of its own: nothing says what it should contain.'],
  warnings: [],
};

async function look(
  parts: OperationParts,
  filename: string,
  manifest: Manifest | null,
  level: VerificationLevel,
  context: OperationContext,
): Promise<Drill> {
  if (manifest === null) return { report: withoutManifest };
  if (level !== 'drill') return { report: await checkStored(parts, filename, manifest, level, context) };
  const { report, ...drill } = await drillBackup(parts, manifest, context);
  return { report: { ...report, checks: { manifest: 'passed', ...report.checks } }, ...drill };
}

async function checkStored(
  parts: OperationParts,
  filename: string,
  manifest: Manifest,
  level: CheckLevel,
  context: OperationContext,
): Promise<VerificationReport> {
  const expected = expectedContent(parts.engine, manifest);
  const file = parts.vault.localPath(filename);
  const report = await unlessRemoved(
    parts.vault,
    filename,
    parts.engine.verify({ file, level, expected }, context.engine),
  );
  return { ...report, checks: { manifest: 'passed', ...report.checks } };
}
