import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tally } from '../helpers/faults/tally.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const kills = 30;
/** A child takes so long to load its first file; a host that dies in this time is not heard by it. */
const widestMs = 80;

/** Processes that were started below a folder, whoever is their parent now. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      return false;
    }
  });
}

it(`a host that is killed while its child is starting leaves no process behind (${kills} times)`, async () => {
  const folder = temporaryFolder();
  createDatabase(join(folder, 'app.db'), { rows: 1 }).close();
  const index = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
  const host = join(folder, 'host.mjs');
  writeFileSync(
    host,
    `import { createBackupService } from ${JSON.stringify(index)};
     const service = createBackupService({ database: 'app.db', directory: 'backups' });
     await service.start();
     const run = service.create();
     await run.started;
     process.stdout.write('started');
     await run;
     setInterval(() => undefined, 1000);`,
  );
  for (let kill = 0; kill < kills; kill++) {
    const process = spawn(globalThis.process.execPath, [host], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(process.stdout, 'data');
    await delay((kill / kills) * widestMs);
    const exited = once(process, 'exit');
    process.kill('SIGKILL');
    await exited;
  }
  await expect.poll(() => processesIn(folder), { timeout: 10_000 }).toEqual([]);
  tally('kills at a random moment', kills);
});
