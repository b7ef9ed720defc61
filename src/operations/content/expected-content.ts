import type { ExpectedContent } from '../../engines/database-content.js';
import type { Engine } from '../../engines/engine.js';
import { BackupError } from '../../errors.js';
import type { Manifest } from '../../vault/manifest.js';

/**
 * What a backup's file must contain, for the engine that is to look at it.
 * @throws BackupError `backup_incompatible` for a backup of another engine
 */
export function expectedContent(
  { name }: Engine,
  { filename, engine, size, sha256, source, tables }: Manifest,
): ExpectedContent {
  if (engine !== name) throw new BackupError('backup_incompatible', `${filename} was made of a ${engine} database.`);
  return { size, sha256, schemaSha256: source.schemaSha256, tables };
}
