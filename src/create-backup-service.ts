import { resolve } from 'node:path';
import type { z } from 'zod';
import { assembleParts } from './composition/assemble-parts.js';
import { toService } from './composition/to-service.js';
import type { Engine } from './engines/engine.js';
import { sqlite } from './engines/sqlite/sqlite-engine.js';
import type { Notifier } from './notify/notifier.js';
import type { BackupService } from './operations/backup-service.js';
import { parseOptions } from './options/parse-options.js';
import { serviceOptionsSchema } from './options/service-options.js';
import { realPath } from './system/real-path.js';
import { refuseUnsafePlace } from './vault/vault-directory.js';

export interface BackupServiceOptions extends Omit<z.input<typeof serviceOptionsSchema>, 'database' | 'notify'> {
  /** The path of the live SQLite file, or an engine such as `sqlite({ path })`. */
  readonly database: string | Engine;
  /** Who is told of what happens, such as `[email({ transport, from, to })]`. */
  readonly notify?: readonly Notifier[] | undefined;
}

/**
 * Makes the service that backs up, verifies and restores one database.
 *
 * Options are checked here; the directory is checked, and made, by `start()` or the first operation.
 * @throws BackupError `invalid_options`, `vault_refused`
 * @example
 * const backups = createBackupService({ database: 'data/app.db', directory: 'backups' });
 * await backups.start();
 * const { filename } = await backups.create({ notes: 'before the upgrade' });
 */
export function createBackupService(options: BackupServiceOptions): BackupService {
  const parsed = parseOptions(serviceOptionsSchema, options, 'createBackupService');
  const { database, snapshot } = parsed;
  const engine = typeof database === 'string' ? sqlite({ path: database, snapshot }) : (database as Engine);
  const directory = resolve(parsed.directory);
  const { staticRoots } = parsed;
  const { liveFile } = engine;
  const workingDirectory = process.cwd();
  refuseUnsafePlace(directory, { liveFile, staticRoots, workingDirectory });
  // By whatever links they are named, the places themselves must be safe too.
  refuseUnsafePlace(realPath(directory), {
    liveFile: liveFile && realPath(liveFile),
    staticRoots: staticRoots.map((root) => realPath(resolve(root))),
    workingDirectory: realPath(workingDirectory),
  });
  const { parts, upkeep } = assembleParts(engine, directory, parsed);
  return toService(parts, upkeep);
}
