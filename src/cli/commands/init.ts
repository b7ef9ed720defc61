import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BackupError, systemCode, toBackupError } from '../../errors.js';
import type { GlobalFlags } from '../config.js';
import { Terminal } from '../terminal.js';

const configName = 'backup.config.mjs';

const template = (
  database: string,
  directory: string,
): string => `// Read by the command express-db-backup; the application can import it too:
//   import options from './${configName}'; const backups = createBackupService(options);
export default {
  database: ${JSON.stringify(database)},
  directory: ${JSON.stringify(directory)},
  // Tables and rows without which the application cannot work.
  requiredTables: [],
  minimumRows: {},
  schedule: { every: '24h' },
  retention: { keep: 7 },
};
`;

/** Writes a config file, and never over one that is there. It needs no service, which has no options yet. */
export async function init(flags: GlobalFlags): Promise<void> {
  const terminal = new Terminal(flags.json === true);
  const { database = 'data/app.db', directory = 'backups' } = flags;
  const file = resolve(configName);
  try {
    await writeFile(file, template(database, directory), { flag: 'wx' });
    terminal.tell({ file }, [`Wrote ${configName}. Next: npx express-db-backup doctor`]);
  } catch (error) {
    const exists = systemCode(error) === 'EEXIST';
    const told = exists
      ? new BackupError('invalid_request', `There is a ${configName} already.`)
      : toBackupError(error);
    terminal.fail(told);
    process.exitCode = told.exitCode;
  }
}
