import { type BackupServiceOptions, sqlite } from 'express-db-backup';
import { onTestFinished } from 'vitest';
import { assembleParts } from '../../dist/composition/assemble-parts.js';
import type { OperationParts } from '../../dist/operations/operation-parts.js';
import { recover } from '../../dist/operations/status/recover.js';
import { parseOptions } from '../../dist/options/parse-options.js';
import { serviceOptionsSchema } from '../../dist/options/service-options.js';

export interface Assembled {
  readonly parts: OperationParts;
  /** What a start finds out and puts right, without what it does by itself from then on. */
  readonly start: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** What a service is made of, for a test that drives one part of it without its timers; closed when the test ends. */
export async function assembled(options: BackupServiceOptions & { readonly database: string }): Promise<Assembled> {
  const parsed = parseOptions(serviceOptionsSchema, options, 'createBackupService');
  const { parts, upkeep } = assembleParts(sqlite({ path: options.database }), options.directory, parsed);
  await upkeep.open();
  parts.schedule.isActive = true;
  const close = async (): Promise<void> => {
    await parts.runner.close();
    await parts.engine.close();
  };
  onTestFinished(close);
  const start = (): Promise<unknown> => recover(parts, () => upkeep.exclusively(upkeep.instances.sweep));
  return { parts, start, close };
}
