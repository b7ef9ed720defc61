import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { StagedRestore, StageInput } from '../../../database-content.js';
import { ReportBuilder } from '../../../report-builder.js';
import { openPrivate } from '../database/open-database.js';
import { everyTable, readFacts, readObjects, readTextEncoding } from '../database/read-facts.js';
import type { TaskContext } from '../task.js';
import { checkHeader } from '../verify/check-content.js';
import { checkStored } from '../verify/verify-file.js';

const chunkBytes = 4 * 1024 * 1024;

/**
 * Copies a backup to a private place while its digest is computed, then checks the copy in full. What is restored
 * later is this copy, so nothing that happens to the stored file in between can reach the live database.
 */
export async function stageRestore(
  { file, destination, expected }: StageInput,
  context: TaskContext,
): Promise<StagedRestore> {
  const report = new ReportBuilder();
  const copied = copyAndHash(file, destination, (done) =>
    context.report({ phase: 'staging', done, total: expected.size, unit: 'bytes' }),
  );
  report.check(
    'size',
    copied.size === expected.size,
    `The file has ${copied.size} bytes where ${expected.size} were published.`,
  );
  report.check('sha256', copied.sha256 === expected.sha256, 'The SHA-256 is not the one that was published.');
  if (report.ok) checkHeader(destination, report, { standalone: true });
  if (report.ok) checkStored(destination, expected, report);
  const verification = report.build();
  if (!verification.ok) return { verification, facts: null, tables: [], objects: {} };
  const database = openPrivate(destination, { readonly: true });
  try {
    const facts = { ...readFacts(database), textEncoding: readTextEncoding(database) };
    return { verification, facts, tables: everyTable(database), objects: readObjects(database) };
  } finally {
    database.close();
  }
}

/** O_NOFOLLOW: a link put in the place of a backup is not followed. O_NONBLOCK: a pipe there does not hang the open. */
function copyAndHash(from: string, to: string, onBytes: (done: number) => void): { size: number; sha256: string } {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const input = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(input).isFile()) throw new Error('The backup is not a regular file.');
    const output = openSync(to, 'wx', 0o600);
    try {
      let size = 0;
      for (let length = readSync(input, buffer); length > 0; length = readSync(input, buffer)) {
        const chunk = buffer.subarray(0, length);
        hash.update(chunk);
        writeFully(output, chunk);
        size += length;
        onBytes(size);
      }
      return { size, sha256: hash.digest('hex') };
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

function writeFully(descriptor: number, chunk: Buffer): void {
  for (let offset = 0; offset < chunk.length; ) offset += writeSync(descriptor, chunk, offset);
}
