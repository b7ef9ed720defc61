import { execFile } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { verifySchema } from '../helpers/contract.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Whoever is root may write everywhere, so that this is a process of somebody else. */
const nobody = 65_534;
const reader = `
  import { chmodSync, readdirSync } from 'node:fs';
  import { createBackupService } from 'express-db-backup';
  const [database, directory] = process.argv.slice(1);
  const service = createBackupService({ database, directory });
  const { filename } = await service.create();
  for (const path of [directory + '/' + filename, directory + '/metadata', directory]) chmodSync(path, 0o500);
  const outcome = await service.verify(filename);
  const beside = readdirSync(directory);
  chmodSync(directory, 0o700);
  chmodSync(directory + '/metadata', 0o700);
  await service.close();
  console.log(JSON.stringify({ outcome, beside }));
`;

it('a backup on a disk that cannot be written is verified, and the answer says that the verdict was not kept', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'app.db');
  createDatabase(database).close();
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [folder, database]) chownSync(path, nobody, nobody);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', reader, database, join(folder, 'backups')],
    isRoot ? { uid: nobody, gid: nobody } : {},
  );
  const { outcome, beside } = JSON.parse(stdout) as { outcome: unknown; beside: string[] };
  expect(verifySchema.parse(outcome)).toMatchObject({
    ok: true,
    problems: [],
    warnings: ['The verdict could not be written into the manifest.'],
  });
  expect(beside.sort()).toEqual([
    '.state',
    expect.stringMatching(/^app_backup_[\d_-]+\.db$/),
    'audit.jsonl',
    'metadata',
  ]);
});
