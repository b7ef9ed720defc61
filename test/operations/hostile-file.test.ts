import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupService, Operation } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { childrenOf, isRunning } from '../helpers/child-processes.js';
import { makeEndlessFile } from '../helpers/endless-file.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import {
  createWorkspace,
  openService,
  stagedFiles,
  storedBackups,
  type WorkspaceOptions,
} from '../helpers/workspace.js';

const reached = (service: BackupService, phase: string): Promise<Operation> =>
  new Promise((resolve) => {
    service.on('operation', (operation) => operation.phase === phase && resolve(operation));
  });

/** The longest time for which the event loop answered to nothing, from now until the returned function is called. */
function watchEventLoop(): () => number {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

describe('a hostile file whose check does not end', () => {
  it('is refused as an upload when the deadline kills its check; the host answers all the while', async () => {
    const { folder, directory, service } = createWorkspace({ service: { limits: { operationMs: 1_500 } } });
    const file = join(folder, 'hostile.db');
    makeEndlessFile(file);
    const longestStallMs = watchEventLoop();
    const checking = reached(service, 'verifying').then(() => childrenOf(process.pid));
    await expect(service.importFile(file)).rejects.toMatchObject({ code: 'backup_damaged' });
    expect(longestStallMs()).toBeLessThan(500);
    expect((await checking).filter(isRunning)).toEqual([]);
    expect(storedBackups(directory)).toEqual([]);
    expect(stagedFiles(directory)).toEqual([]);
    expect(existsSync(file)).toBe(true);
    await expect(service.create()).resolves.toMatchObject({ status: 'completed' });
  });

  it('ends a verification with deadline_exceeded, and the process that checked it is gone', async () => {
    const folder = temporaryFolder();
    const databaseFile = join(folder, 'app.db');
    makeEndlessFile(databaseFile);
    const { service } = openService({
      database: databaseFile,
      directory: join(folder, 'backups'),
      limits: { operationMs: 1_500 },
    });
    const { filename } = await service.create();
    const checking = reached(service, 'checking').then(() => childrenOf(process.pid));
    await expect(service.verify(filename)).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect((await checking).filter(isRunning)).toEqual([]);
    expect((await service.get(filename)).verification).toMatchObject({ level: 'quick', ok: true });
  });
});

describe('a child process that dies', () => {
  async function createStored(options?: WorkspaceOptions) {
    const workspace = createWorkspace(options);
    const { filename } = await workspace.service.create();
    return { ...workspace, filename };
  }
  const kill = (signal: NodeJS.Signals) => (): void => {
    for (const pid of childrenOf(process.pid)) process.kill(pid, signal);
  };
  type Verb = (service: BackupService, filename: string) => Promise<unknown>;
  const verbs: [string, string, Verb][] = [
    ['create', 'copying', (service) => service.create()],
    ['verify', 'hashing', (service, filename) => service.verify(filename)],
    ['restore', 'staging', (service, filename) => service.restore(filename)],
    ['restore', 'securing', (service, filename) => service.restore(filename)],
  ];
  const rows = verbs.flatMap((verb) =>
    (['SIGSEGV', 'SIGKILL'] as const).map((signal) => [verb[0], verb[1], signal, verb[2]] as const),
  );
  it.each(rows)('in a %s, while %s, by %s, is engine_crashed, and the next operation works', async (...row) => {
    const [, phase, signal, verb] = row;
    const { directory, database, filename, service } = await createStored({ live: { rows: 20_000 } });
    void reached(service, phase).then(kill(signal));
    await expect(verb(service, filename)).rejects.toMatchObject({ code: 'engine_crashed' });
    expect(stagedFiles(directory)).toEqual([]);
    expect(storedBackups(directory)).toEqual([filename]);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    await expect(service.restore(filename)).resolves.toMatchObject({ restored: filename });
  });
});
