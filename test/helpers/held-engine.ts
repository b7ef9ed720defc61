import { once } from 'node:events';
import { join } from 'node:path';
import { type BackupServiceOptions, type Engine, sqlite } from 'express-db-backup';
import type { EngineContext } from '../../dist/engines/engine.js';
import { openDatabase } from './live-database.js';
import { temporaryFolder } from './temporary-folder.js';

export interface HeldEngine {
  readonly service: Pick<BackupServiceOptions, 'database' | 'directory'>;
  /** Resolves when a snapshot or a verification has begun. */
  readonly begun: Promise<void>;
  /** From here on they end when they are done. */
  readonly release: () => void;
}

/** The real engine on a database of its own, whose snapshots and verifications end only when the test says so. */
export function holdEngine(method: 'snapshot' | 'verify'): HeldEngine {
  const folder = temporaryFolder();
  const path = join(folder, 'app.db');
  openDatabase(path);
  const engine = sqlite({ path });
  const begun = latch();
  const released = latch();
  const held =
    <Input, Result>(work: (input: Input, context: EngineContext) => Promise<Result>) =>
    async (input: Input, context: EngineContext): Promise<Result> => {
      begun.open();
      // A test that failed before its release must not keep the service from closing.
      await Promise.race([released.opened, once(context.signal, 'abort')]);
      return work(input, context);
    };
  const database: Engine =
    method === 'verify' ? { ...engine, verify: held(engine.verify) } : { ...engine, snapshot: held(engine.snapshot) };
  return { service: { database, directory: join(folder, 'backups') }, begun: begun.opened, release: released.open };
}

function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
