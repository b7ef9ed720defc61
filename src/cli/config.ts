import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BackupServiceOptions, createBackupService } from '../create-backup-service.js';
import { BackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';
import { parseOptions } from '../options/parse-options.js';
import { routerOptionsSchema } from '../options/router-options.js';

/** What stands in the working directory, in this order. */
export const configNames = ['backup.config.js', 'backup.config.mjs', 'backup.config.json'] as const;

/** Options that every command takes. */
export interface GlobalFlags {
  readonly config?: string | undefined;
  readonly database?: string | undefined;
  readonly directory?: string | undefined;
  readonly json?: boolean | undefined;
}

/** What a config file exports: the options of `createBackupService`, and the phrase of a restore where it is another one. */
interface CliConfig extends Partial<BackupServiceOptions> {
  readonly confirmationPhrase?: string | undefined;
}

export interface Settings {
  readonly options: BackupServiceOptions;
  readonly confirmationPhrase: string;
  /** Where the config came from; null without one. */
  readonly file: string | null;
}

/** Flags win over the environment (`BACKUP_DATABASE`, `BACKUP_DIRECTORY`), which wins over the config file. */
export async function loadSettings(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): Promise<Settings> {
  // What a config prints, or what it imports does, is not the document that a script reads.
  if (flags.json === true) for (const name of ['log', 'info', 'debug'] as const) console[name] = console.error;
  const { file, config } = await readConfig(flags.config);
  const { confirmationPhrase: phrase, ...given } = config;
  const { confirmationPhrase } = parseOptions(phraseSchema, { confirmationPhrase: phrase }, 'the config');
  const base = file === null ? process.cwd() : dirname(file);
  const fromConfig = (path: string): string => (isAbsolute(path) ? path : resolve(base, path));
  const database = flags.database || env.BACKUP_DATABASE || relativeTo(fromConfig, given.database);
  const directory = flags.directory || env.BACKUP_DIRECTORY || relativeTo(fromConfig, given.directory);
  if (database == null || directory == null) {
    const missing = database == null ? 'database' : 'directory';
    const orElse = file === null ? 'write a config with: npx express-db-backup init' : `add it to ${file}.`;
    const hint = `Give --${missing} <path>, set BACKUP_${missing.toUpperCase()}, or ${orElse}`;
    throw new BackupError('invalid_options', `No ${missing} was named. ${hint}`);
  }
  // Metrics and lines of a log are the application's; a command tells the one who typed it.
  const { metrics: _metrics, logger: _logger, ...rest } = given;
  return { options: { ...rest, database, directory }, confirmationPhrase, file };
}

/** The router's own: an application hands one phrase to both. */
const phraseSchema = routerOptionsSchema.pick({ confirmationPhrase: true });

/** A destroyed live file is replaced without the application: there is no connection of this process to close. */
const noConnection = { close: () => undefined, reopen: () => undefined };

/** What the application keeps nobody here knows: nothing is removed by rules that nobody named. */
const keepAll = { minAge: '3650d' };

export function openService({ options }: Settings): BackupService {
  return createBackupService({ connection: noConnection, retention: keepAll, ...options });
}

/** @throws BackupError `invalid_options` */
export function requireRetention({ options }: Settings): void {
  if (options.retention !== undefined) return;
  throw new BackupError(
    'invalid_options',
    'No `retention` was named: give the rules of the application in a config file, or backups that it keeps would be removed.',
  );
}

function relativeTo<Value>(resolvePath: (path: string) => string, value: Value): Value | string {
  return typeof value === 'string' ? resolvePath(value) : value;
}

async function readConfig(named: string | undefined): Promise<{ file: string | null; config: CliConfig }> {
  for (const name of named === undefined ? configNames : [named]) {
    const file = resolve(name);
    const config = await readIfThere(file);
    if (config !== undefined) return { file, config: asConfig(config, name) };
  }
  if (named !== undefined) throw new BackupError('invalid_options', `There is no config file ${named}.`);
  return { file: null, config: {} };
}

/** Editors of Windows begin a file with it. */
const byteOrderMark = /^\uFEFF/;

/** @returns undefined where there is no such file */
async function readIfThere(file: string): Promise<unknown> {
  // A file that its own code does not find is a fault of the config, not its absence.
  if (!existsSync(file)) return undefined;
  try {
    if (file.endsWith('.json')) return JSON.parse((await readFile(file, 'utf8')).replace(byteOrderMark, ''));
    return defaultOf((await import(pathToFileURL(file).href)) as object);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BackupError('invalid_options', `The config file cannot be read: ${why}`, { cause: error });
  }
}

/** A module without any export has only been run. */
function defaultOf(module: object): unknown {
  if ('default' in module) return module.default;
  const [name] = Object.keys(module);
  if (name === undefined) return {};
  throw new Error(`it exports \`${name}\`, and its options are wanted as the default export.`);
}

function asConfig(value: unknown, name: string): CliConfig {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new BackupError('invalid_options', `Expected ${name} to export an object with the options of the service.`);
}
