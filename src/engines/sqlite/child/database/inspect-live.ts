import { BackupError } from '../../../../errors.js';
import type { LiveFacts } from '../../../live-database.js';
import { saysDamaged } from './describe-error.js';
import { pinLive } from './open-database.js';
import { everyTable, readFacts, readObjects, readSchemaCookie, readTextEncoding } from './read-facts.js';

/**
 * What a restore must know of the database it will replace.
 * @throws BackupError `offline_restore_required` when the file is no database that SQLite can open
 */
export async function inspectLive({ live }: { live: string }): Promise<LiveFacts> {
  try {
    const database = pinLive(live);
    try {
      const schemaCookie = readSchemaCookie(database);
      const textEncoding = readTextEncoding(database);
      const facts = { ...readFacts(database), textEncoding, schemaCookie };
      return { ...facts, objects: readObjects(database), isEmpty: everyTable(database).length === 0 };
    } finally {
      database.close();
    }
  } catch (error) {
    const unreadable = saysDamaged(error) || (error instanceof BackupError && error.code === 'source_damaged');
    if (!unreadable) throw error;
    throw new BackupError(
      'offline_restore_required',
      'The live file cannot be opened as a database; nothing was touched.',
      { cause: error },
    );
  }
}
