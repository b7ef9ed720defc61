import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { BackupError, systemCode, toBackupError } from '../../errors.js';
import { shellQuote } from '../../system/shell-quote.js';
import { configNames, type GlobalFlags } from '../config.js';
import { type ConfigFormat, configTemplate } from '../config-template.js';
import { Terminal } from '../terminal.js';

const defaultName = 'backup.config.mjs';

/** Writes a config file, and never over one that is there. It needs no service, which has no options yet. */
export async function init(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const terminal = new Terminal({ json: flags.json });
  const file = resolve(flags.config ?? defaultName);
  // Whoever has named the config is told how to name it again.
  const named = flags.config === undefined ? '' : ` --config ${shellQuote(flags.config)}`;
  const paths = {
    database: flags.database || env.BACKUP_DATABASE || 'data/app.db',
    directory: flags.directory || env.BACKUP_DIRECTORY || 'backups',
  };
  try {
    refuseOthers(file);
    await write(file, configTemplate(await formatOf(file), file, paths));
    terminal.tell({ file }, [`Wrote ${basename(file)}. Next: npx express-db-backup doctor${named}`]);
  } catch (error) {
    const told = toBackupError(error);
    terminal.fail(told);
    process.exitCode = told.exitCode;
  }
}

/** Of several in one folder the first one is read, and nobody would know why another one is not. */
function refuseOthers(file: string): void {
  const isFound = configNames.some((name) => name === basename(file));
  const others = isFound ? configNames : [basename(file)];
  const found = others.find((name) => existsSync(join(dirname(file), name)));
  if (found !== undefined) throw new BackupError('invalid_request', `There is a ${found} already.`);
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') throw new BackupError('invalid_request', `There is a ${basename(file)} already.`);
    if (/^(ENOENT|ENOTDIR)$/.test(code))
      throw new BackupError('invalid_request', `There is no folder ${dirname(file)}.`, { cause: error });
    throw error;
  }
}

async function formatOf(file: string): Promise<ConfigFormat> {
  const formats: Record<string, ConfigFormat> = { '.mjs': 'module', '.cjs': 'commonjs', '.json': 'json' };
  const format = extname(file) === '.js' ? await formatOfPackage(dirname(file)) : formats[extname(file)];
  if (format !== undefined) return format;
  throw new BackupError('invalid_request', `Expected the config to end with .mjs, .js, .cjs or .json, got ${file}.`);
}

/** As Node reads a file that ends with .js: by the package.json that is nearest. */
async function formatOfPackage(folder: string): Promise<ConfigFormat> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
  if (text !== null) return /"type"\s*:\s*"module"/.test(text) ? 'module' : 'commonjs';
  return dirname(folder) === folder ? 'commonjs' : formatOfPackage(dirname(folder));
}
