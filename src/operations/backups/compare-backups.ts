import type { Comparison } from '../../engines/comparison.js';
import type { StoredFile } from '../../engines/database-content.js';
import { BackupError } from '../../errors.js';
import { expectedContent } from '../content/expected-content.js';
import { type Caller, callerName, type OperationParts } from '../operation-parts.js';
import type { OperationRun } from '../run/operation-spec.js';

/** What is different; `from` and `to` are filenames, or `live`. */
export interface CompareOutcome extends Comparison {
  readonly from: string;
  readonly to: string;
}

/** What stands for the live database. */
const live = 'live';

/**
 * Reads both and changes neither. Of a backup its manifest must say that it is this engine's.
 * @throws BackupError `invalid_request` for the same one twice
 */
export function compareBackups(
  parts: OperationParts,
  from: string,
  to: string,
  caller: Caller,
): OperationRun<CompareOutcome> {
  const spec = {
    type: 'compare',
    by: callerName(caller),
    from: caller.from,
    exclusive: false,
    signal: caller.signal,
  } as const;
  const file = [from, to].find((name) => name !== live);
  return parts.runner.run({ ...spec, ...(file !== undefined && { file }) }, async (context) => {
    const [before, after] = [await find(parts, from), await find(parts, to)];
    if (before.name === after.name)
      throw new BackupError('invalid_request', `${before.name} is not compared with itself.`, {
        facts: { errors: [{ field: 'to', message: 'Another one than `from`.' }] },
      });
    const releases = [before, after].flatMap(({ name }) => (name === live ? [] : [parts.vault.hold(name)]));
    try {
      const comparison = await parts.engine.compare({ from: before.stored, to: after.stored }, context.engine);
      return { from: before.name, to: after.name, ...comparison };
    } finally {
      for (const release of releases) release();
    }
  });
}

async function find(
  { engine, vault }: OperationParts,
  name: string,
): Promise<{ readonly name: string; readonly stored: StoredFile | null }> {
  if (name === live) return { name, stored: null };
  const { filename, manifest } = await vault.manifest(name);
  if (manifest === null)
    throw new BackupError('backup_damaged', `${filename} has no manifest: nothing says what it is.`);
  return { name: filename, stored: { file: vault.localPath(filename), expected: expectedContent(engine, manifest) } };
}
