import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FileLock } from '../../dist/coordination/file-lock.js';
import { requireLocks } from '../../dist/coordination/require-locks.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

describe('locks are tried with another process', () => {
  it('which one that is held keeps out; that is noted, for this machine and file system', async () => {
    const state = temporaryFolder();
    const lock = new FileLock(join(state, 'held.lock'));
    expect(lock.tryAcquire()).toBe(true);
    await requireLocks(state, join(state, 'held.lock'), state);
    const noted = readFileSync(join(state, 'locks.json'), 'utf8');
    lock.release();
    await expect(requireLocks(state, join(state, 'held.lock'), state)).resolves.toBeUndefined();
    writeFileSync(join(state, 'locks.json'), `${noted}0`);
    await expect(requireLocks(state, join(state, 'held.lock'), state)).rejects.toMatchObject({ code: 'vault_refused' });
  });
});

/** Every lock is granted and none is taken, as on a network share that was mounted without them. */
const withoutLocks = `
  #define _GNU_SOURCE
  #include <dlfcn.h>
  #include <fcntl.h>
  #include <stdarg.h>
  static int grant(const char *name, int fd, int cmd, void *argument) {
    if (cmd == F_SETLK || cmd == F_SETLKW) return 0;
    if (cmd == F_GETLK) { ((struct flock *) argument)->l_type = F_UNLCK; return 0; }
    return ((int (*)(int, int, void *)) dlsym(RTLD_NEXT, name))(fd, cmd, argument);
  }
  #define WRAP(name) int name(int fd, int cmd, ...) { \\
    va_list list; va_start(list, cmd); void *argument = va_arg(list, void *); va_end(list); \\
    return grant(#name, fd, cmd, argument); }
  WRAP(fcntl)
  WRAP(fcntl64)
`;

it('a service in a process whose locks do nothing is refused at its start', () => {
  const folder = temporaryFolder();
  createDatabase(join(folder, 'app.db'), { rows: 1 }).close();
  writeFileSync(join(folder, 'without-locks.c'), withoutLocks);
  execFileSync('cc', ['-shared', '-fPIC', '-o', 'without-locks.so', 'without-locks.c', '-ldl'], { cwd: folder });
  const entry = JSON.stringify(fileURLToPath(new URL('../../dist/index.js', import.meta.url)));
  const script = `import(${entry}).then(({ createBackupService }) =>
    createBackupService({ database: 'app.db', directory: 'backups' }).start()
  ).then(() => console.log('started'), ({ code }) => console.log(code));`;
  const start = (env: NodeJS.ProcessEnv): string =>
    spawnSync(process.execPath, ['-e', script], { cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' })
      .stdout;
  expect(start({ LD_PRELOAD: join(folder, 'without-locks.so') })).toBe('vault_refused\n');
  expect(existsSync(join(folder, 'backups', '.state', 'locks.json'))).toBe(false);
  expect(start({})).toBe('started\n');
});
