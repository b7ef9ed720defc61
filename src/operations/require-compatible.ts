import type { LiveFacts, StagedRestore } from '../engines/engine.js';
import { BackupError } from '../errors.js';
import type { Manifest } from '../vault/manifest.js';

export interface Requirements {
  readonly acceptNewTriggers: boolean;
  readonly requiredTables: readonly string[];
}

/**
 * Refuses a backup that is sound but must not replace this database. Of one that cannot be read, null, nothing is
 * known to compare with.
 * @returns warnings for the receipt
 * @throws BackupError `backup_incompatible`, `untrusted_objects`
 */
export function requireCompatible(
  { filename, kind }: Manifest,
  { facts, objects, tables }: StagedRestore,
  live: LiveFacts | null,
  { acceptNewTriggers, requiredTables }: Requirements,
): string[] {
  if (facts === null) throw new Error('A staged backup that passed has its facts.');
  if (live !== null && facts.applicationId !== live.applicationId) {
    throw new BackupError(
      'backup_incompatible',
      `${filename} carries application_id ${facts.applicationId}, the live database ${live.applicationId}.`,
    );
  }
  if (live !== null && facts.textEncoding !== live.textEncoding) {
    throw new BackupError(
      'backup_incompatible',
      `${filename} is encoded in ${facts.textEncoding}, the live database in ${live.textEncoding}; open connections could not go on.`,
    );
  }
  const missing = requiredTables.filter((name) => !Object.hasOwn(tables, name));
  if (missing.length > 0)
    throw new BackupError('backup_incompatible', `${filename} lacks required tables: ${missing.join(', ')}.`);
  const brought = Object.keys(objects).filter((name) => live?.objects[name] !== objects[name]);
  if (kind === 'uploaded' && brought.length > 0 && !acceptNewTriggers) {
    throw new BackupError(
      'untrusted_objects',
      `${filename} was uploaded and brings triggers or views that the live database does not have.`,
      { facts: { objects: brought } },
    );
  }
  if (live === null || facts.userVersion === live.userVersion) return [];
  const age = facts.userVersion > live.userVersion ? 'newer' : 'older';
  return [
    `The backup's schema version (user_version ${facts.userVersion}) is ${age} than the live one was (${live.userVersion}).`,
  ];
}
