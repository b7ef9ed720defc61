import { z } from 'zod';
import type { AuditTrail } from '../../audit/audit-trail.js';
import type { AuditPage } from '../../audit/read-entries.js';
import { parseInput } from '../../options/parse-input.js';
import type { AuditRecorder } from './audit-recorder.js';

export interface AuditInput {
  /** At most so many, 1 to 500; 50 unless told otherwise. */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

const inputSchema = z.strictObject({
  limit: z.int().min(1).max(500).default(50),
  offset: z.int().min(0).default(0),
});

/** Newest first, with what was refused until now. @throws BackupError `invalid_request` */
export async function readAudit(trail: AuditTrail, recorder: AuditRecorder, input: AuditInput): Promise<AuditPage> {
  const page = parseInput(inputSchema, input);
  await recorder.flush();
  return trail.read(page);
}
