import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

const require = createRequire(import.meta.url);
const installed = dirname(require.resolve('better-sqlite3/package.json'));

/** Another installation of better-sqlite3, with a SQLite of its own, as a nested `node_modules` has it. @returns its folder */
export function secondBetterSqlite3(): string {
  const modules = join(temporaryFolder(), 'node_modules');
  const copy = join(modules, 'better-sqlite3');
  mkdirSync(copy, { recursive: true });
  for (const part of ['package.json', 'lib']) cpSync(join(installed, part), join(copy, part), { recursive: true });
  const binary = join('build', 'Release', 'better_sqlite3.node');
  cpSync(join(installed, binary), join(copy, binary), { recursive: true });
  for (const needed of ['bindings', 'file-uri-to-path'])
    symlinkSync(join(dirname(installed), needed), join(modules, needed));
  return copy;
}
