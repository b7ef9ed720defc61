import type { StagedRestore } from '../../engines/database-content.js';
import type { LiveFacts } from '../../engines/live-database.js';
import { BackupError } from '../../errors.js';
import { missingTables } from '../../system/missing-tables.js';
import type { Manifest } from '../../vault/manifest.js';

export interface Requirements {
  readonly acceptNewTriggers: boolean;
  /** Without which it must not replace one that has tables. */
  readonly requiredTables: readonly string[];
}

/**
 * Refuses a backup that is sound but must not replace this database. Of one that cannot be read, null, nothing is
 * known to compare with.
 * @returns warnings for the receipt
 * @throws BackupError `backup_incompatible`, `untrusted_objects`; `offline_restore_required` where only a new file can take its place
 */
export function requireCompatible(
  { filename, kind }: Manifest,
  { facts, objects, tables }: StagedRestore,
  live: LiveFacts | null,
  { acceptNewTriggers, requiredTables }: Requirements,
): string[] {
  if (facts === null) throw new Error('A staged backup that passed has its facts.');
  const warnings = live === null ? [] : compareHeaders(filename, kind, facts, live);
  const missing = missingTables(requiredTables, tables);
  if (missing.length > 0) {
    const lacks = `${filename} lacks required tables: ${missing.join(', ')}.`;
    if (live !== null && !live.isEmpty) throw new BackupError('backup_incompatible', lacks);
    warnings.push(`${lacks} Run the migrations that make them.`);
  }
  const brought = Object.keys(objects).filter((name) => live?.objects[name] !== objects[name]);
  if (kind === 'uploaded' && brought.length > 0 && !acceptNewTriggers) {
    throw new BackupError(
      'untrusted_objects',
      `${filename} was uploaded and brings triggers or views that the live database does not have.`,
      { facts: { objects: brought } },
    );
  }
  return warnings;
}

/** Made of this very database before what is to be undone, whatever that has changed. */
const waysBack: readonly Manifest['kind'][] = ['safety', 'pre_migration'];

/** Another application's backup is refused, but not where there is nothing yet, nor where it leads back. */
function compareHeaders(
  filename: string,
  kind: Manifest['kind'],
  facts: NonNullable<StagedRestore['facts']>,
  live: LiveFacts,
): string[] {
  const ids = `application_id ${facts.applicationId}, the live database ${live.applicationId}`;
  const isOther = facts.applicationId !== live.applicationId;
  if (isOther && !waysBack.includes(kind) && !live.isEmpty) {
    const way = `If it is meant, run on the live database: PRAGMA application_id = ${facts.applicationId}`;
    throw new BackupError('backup_incompatible', `${filename} carries ${ids}. ${way}`);
  }
  if (facts.textEncoding !== live.textEncoding) {
    const what = `${filename} is encoded in ${facts.textEncoding}, the live database in ${live.textEncoding}`;
    throw new BackupError(
      live.isEmpty ? 'offline_restore_required' : 'backup_incompatible',
      `${what}; open connections could not go on.`,
    );
  }
  const age = facts.userVersion > live.userVersion ? 'newer' : 'older';
  const versions = `user_version ${facts.userVersion}) is ${age} than the live one was (${live.userVersion}`;
  return [
    ...(isOther ? [`${filename} carries ${ids}, which it has no longer.`] : []),
    ...(facts.userVersion === live.userVersion ? [] : [`The backup's schema version (${versions}).`]),
  ];
}
