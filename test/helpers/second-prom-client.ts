import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

const require = createRequire(import.meta.url);
const installed = dirname(require.resolve('prom-client/package.json'));

/** Another installation of prom-client, whose classes are not those of the first. */
export function secondPromClient(): typeof import('prom-client') {
  const modules = join(temporaryFolder(), 'node_modules');
  mkdirSync(join(modules, '@opentelemetry'), { recursive: true });
  const copy = join(modules, 'prom-client');
  cpSync(installed, copy, { recursive: true });
  for (const needed of ['tdigest', '@opentelemetry/api'])
    symlinkSync(join(dirname(installed), needed), join(modules, needed));
  return createRequire(join(copy, 'package.json'))(copy) as typeof import('prom-client');
}
