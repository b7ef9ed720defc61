import { spawn, spawnSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createBackupService } from 'express-db-backup';

export const copyName = '`cp` + fsync';
export const backupApiName = "better-sqlite3's `.backup()`";
export const unverifiedName = 'create, not verified';
export const verifiedName = 'create, verified (`quick`)';

/**
 * The ways to get a copy of the live database. Each leaves it on the disk, in `output`; what `output` names is gone
 * before the next begins, and so is the backup that this package's create published the time before.
 */
export function contenders({ file, database, output, vaults }) {
  return [
    {
      name: copyName,
      notes: 'the limit; it loses what is in the log',
      run: () => synced(output, () => copy(file, output)),
    },
    ...(hasSqlite3()
      ? [{ name: '`sqlite3 .backup`', run: () => synced(output, () => backUpByCommand(file, output)) }]
      : []),
    { name: backupApiName, run: () => synced(output, () => database.backup(output)) },
    { name: '`VACUUM INTO`', run: () => synced(output, async () => database.prepare('VACUUM INTO ?').run(output)) },
    { name: unverifiedName, ours: true, ...create(file, `${vaults}/unverified`, 'none') },
    { name: verifiedName, ours: true, ...create(file, `${vaults}/verified`, 'quick') },
  ];
}

function create(file, directory, verifyOnCreate) {
  const service = createBackupService({ database: file, directory, verifyOnCreate });
  const prepare = async () => {
    for (const { filename } of (await service.list()).backups) await service.remove(filename);
  };
  return { prepare, run: () => service.create(), close: () => service.close() };
}

export const copy = (from, to) => command('cp', ['--reflink=auto', from, to]);
const backUpByCommand = (from, to) => command('sqlite3', [from, `.backup '${to.replaceAll("'", "''")}'`]);
export const hasSqlite3 = () => spawnSync('sqlite3', ['--version']).status === 0;

/** A copy that a power cut takes back is no backup; every contender pays for being on the disk. */
async function synced(output, work) {
  await work();
  const handle = await open(output, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function command(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${name} ended with code ${code}.`))));
  });
}
