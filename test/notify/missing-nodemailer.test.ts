import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A project that has the package and what it needs, but no nodemailer. */
function project(): string {
  const folder = temporaryFolder();
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
  const own = join(folder, 'node_modules', 'express-db-backup');
  mkdirSync(own, { recursive: true });
  for (const name of ['dist', 'package.json']) cpSync(join(root, name), join(own, name), { recursive: true });
  for (const name of [...Object.keys(dependencies), 'better-sqlite3', 'express']) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return folder;
}

it('a missing nodemailer is told at the start, with the command that installs it', () => {
  const folder = project();
  const code = `
    import { createBackupService, email } from 'express-db-backup';
    const notify = [email({ transport: 'smtp://localhost', from: 'a@example.com', to: 'b@example.com' })];
    const service = createBackupService({ database: 'app.db', directory: 'backups', notify });
    const told = await service.start().catch(({ code, message }) => ({ code, message }));
    await service.close();
    console.log(JSON.stringify(told));
  `;
  writeFileSync(join(folder, 'app.mjs'), code);
  expect(JSON.parse(execFileSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8' }))).toEqual({
    code: 'tool_missing',
    message: 'nodemailer is not installed: npm install nodemailer',
  });
});
