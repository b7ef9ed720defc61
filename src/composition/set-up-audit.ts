import { type AuditTrail, createAuditTrail } from '../audit/audit-trail.js';
import type { TrailPlace } from '../audit/trail-files.js';
import { createVaultLock } from '../coordination/vault-lock.js';
import {
  type AuditRecorder,
  type AuditRecorderParts,
  createAuditRecorder,
  noRecorder,
} from '../operations/audit/audit-recorder.js';
import type { AuditEntry } from '../options/audit-entry.js';
import { type AuditOptions, auditDefaults } from '../options/audit-options.js';

export interface Audit {
  readonly trail: AuditTrail;
  readonly recorder: AuditRecorder;
}

/** The audit of one vault. Without one that is wanted, what is there from earlier can still be read and checked. */
export function setUpAudit(
  options: AuditOptions,
  { directory, stateDirectory, ...parts }: TrailPlace & Omit<AuditRecorderParts, 'trail'>,
): Audit {
  const { maxBytes, maxFiles } = options === false ? auditDefaults : options;
  const { clock, report } = parts;
  const trail = createAuditTrail({
    directory,
    stateDirectory,
    clock,
    exclusively: createVaultLock(stateDirectory, 'audit'),
    maxBytes,
    maxFiles,
    onWritten: (entry) => void tellHost(options, entry).catch(report),
    onFault: report,
  });
  return { trail, recorder: options === false ? noRecorder : createAuditRecorder({ ...parts, trail }) };
}

/** The host's own listener cannot harm the trail, whichever way it fails. */
async function tellHost(options: AuditOptions, entry: AuditEntry): Promise<unknown> {
  return options === false ? undefined : options.onAudit?.(entry);
}
