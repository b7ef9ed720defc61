import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';

export type ConfigFormat = 'module' | 'commonjs' | 'json';

/** As they were named: absolute, or relative to the working directory. */
export interface ConfigPaths {
  readonly database: string;
  readonly directory: string;
}

/**
 * The text of a config. Relative paths in it are relative to the file, for every reader and from wherever: the
 * application that imports it has a working directory of its own.
 */
export function configTemplate(format: ConfigFormat, file: string, { database, directory }: ConfigPaths): string {
  const within = (path: string): string =>
    isAbsolute(path) ? path : relative(dirname(file), resolve(path)).split(sep).join('/');
  return writers[format](basename(file), { database: within(database), directory: within(directory) });
}

const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&').replaceAll('\n', '\\n')}'`;

const inUrl = (path: string): string => quote(`./${path.split('/').map(encodeURIComponent).join('/')}`);

const options = (spell: (path: string) => string, { database, directory }: ConfigPaths): string => `{
  database: ${spell(database)},
  directory: ${spell(directory)},
  // Tables and rows without which the application cannot work.
  requiredTables: [],
  minimumRows: {},
  schedule: { every: '24h' },
  retention: { keep: 7 },
};
`;

/** What the application writes to read it too. */
const usage = (line: string): string =>
  `// Read by the command express-db-backup; the application can read it too:\n//   ${line} const backups = createBackupService(options);\n`;

const writers: Record<ConfigFormat, (name: string, paths: ConfigPaths) => string> = {
  module(name, paths) {
    const needsUrl = !isAbsolute(paths.database) || !isAbsolute(paths.directory);
    const spell = (path: string): string =>
      isAbsolute(path) ? quote(path) : `fileURLToPath(new URL(${inUrl(path)}, import.meta.url))`;
    const imports = needsUrl ? "import { fileURLToPath } from 'node:url';\n\n" : '';
    return `${imports}${usage(`import options from './${name}';`)}export default ${options(spell, paths)}`;
  },
  commonjs(name, paths) {
    const spell = (path: string): string => (isAbsolute(path) ? quote(path) : `path.join(__dirname, ${quote(path)})`);
    const imports = "const path = require('node:path');\n\n";
    return `${imports}${usage(`const options = require('./${name}');`)}module.exports = ${options(spell, paths)}`;
  },
  // Relative paths in it are understood by the command alone.
  json: (_name, paths) => `${JSON.stringify({ ...paths, requiredTables: [], retention: { keep: 7 } }, null, 2)}\n`,
};
