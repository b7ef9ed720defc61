import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Lints one file of a small tree of its own with this project's rules, and returns what biome says. */
function lint(file: string, content: string, others: readonly string[] = []): string {
  const folder = temporaryFolder();
  for (const name of ['biome.json', '.gitignore']) copyFileSync(join(root, name), join(folder, name));
  for (const name of [file, ...others]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), name === file ? content : 'export const part = 1;\n');
  }
  const biome = join(root, 'node_modules', '.bin', 'biome');
  const run = spawnSync(biome, ['lint', '--colors=off', file], { cwd: folder, encoding: 'utf8' });
  return run.status === 0 ? 'passes' : run.stdout + run.stderr;
}

const importing = (specifier: string): string => `import { part } from '${specifier}';\n\nexport const whole = part;\n`;

it.each([
  ['src/errors.ts', './vault/vault.js'],
  ['src/options/service-options.ts', '../engines/engine.js'],
  ['src/system/durable-write.ts', '../coordination/operation-lock.js'],
  ['src/engines/engine.ts', '../vault/vault.js'],
  ['src/engines/sqlite/sqlite-engine.ts', '../../coordination/operation-lock.js'],
  ['src/engines/sqlite/child/thread.ts', '../../../operations/create-backup.js'],
  ['src/vault/vault.ts', '../engines/engine.js'],
  ['src/vault/vault.ts', '../storage/local-storage.js'],
  ['src/storage/local-storage.ts', '../vault/manifest.js'],
  ['src/schedule/plan-run.ts', '../vault/vault.js'],
  ['src/vault/retention.ts', '../schedule/plan-run.js'],
  ['src/coordination/operations-log.ts', '../operations/operation-runner.js'],
  ['src/metrics/service-metrics.ts', '../operations/operation-runner.js'],
  ['src/metrics/service-metrics.ts', '../vault/vault.js'],
  ['src/metrics/service-metrics.ts', '../logging/log-events.js'],
  ['src/logging/log-events.ts', '../coordination/operation.js'],
  ['src/logging/log-events.ts', '../metrics/metric-table.js'],
  ['src/vault/vault.ts', '../metrics/metric-table.js'],
  ['src/notify/notifications.ts', '../vault/vault.js'],
  ['src/notify/notifications.ts', '../operations/operation-runner.js'],
  ['src/events/outcomes.ts', '../notify/notifier.js'],
  ['src/events/outcomes.ts', '../operations/operation-runner.js'],
  ['src/vault/vault.ts', '../events/service-events.js'],
  ['src/options/service-options.ts', '../events/service-events.js'],
  ['src/vault/vault.ts', '../notify/notifier.js'],
  ['src/audit/audit-trail.ts', '../coordination/vault-lock.js'],
  ['src/vault/vault.ts', '../audit/audit-trail.js'],
  ['src/operations/create-backup.ts', '../http/routes.js'],
  ['src/operations/create-backup.ts', '../create-backup-service.js'],
  ['src/http/routes.ts', '../index.js'],
])('an import upwards or sideways fails the lint: %s -> %s', (file, specifier) => {
  expect(lint(file, importing(specifier))).toContain('lint/style/noRestrictedImports');
});

it.each([
  ['src/operations/create-backup.ts', '../vault/vault.js'],
  ['src/vault/vault.ts', '../storage/storage.js'],
  ['src/engines/sqlite/sqlite-engine.ts', '../../errors.js'],
  ['src/metrics/expose-metrics.ts', '../errors.js'],
  ['src/notify/notifications.ts', '../events/service-events.js'],
  ['src/events/outcomes.ts', '../vault/retention.js'],
  ['src/http/routes.ts', '../operations/backup-service.js'],
])('an import downwards passes: %s -> %s', (file, specifier) => {
  expect(lint(file, importing(specifier))).toBe('passes');
});

it('a cycle of imports fails the lint', () => {
  const folderFile = 'src/vault/a.ts';
  const folder = temporaryFolder();
  for (const name of ['biome.json', '.gitignore']) copyFileSync(join(root, name), join(folder, name));
  mkdirSync(join(folder, 'src/vault'), { recursive: true });
  writeFileSync(join(folder, folderFile), "import { b } from './b.js';\n\nexport const a = () => b;\n");
  writeFileSync(join(folder, 'src/vault/b.ts'), "import { a } from './a.js';\n\nexport const b = () => a;\n");
  const run = spawnSync(join(root, 'node_modules', '.bin', 'biome'), ['lint', '--colors=off', folderFile], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(run.stdout + run.stderr).toContain('lint/suspicious/noImportCycles');
});
