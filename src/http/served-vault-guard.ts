import { BackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';
import { isServedByApp } from './is-served-by-app.js';

/** Looks once, when the application is complete: at its first request. */
export function servedVaultGuard(service: BackupService): (app: unknown) => Promise<void> {
  let looked: Promise<boolean | null> | undefined;
  return async function refuseServedVault(app) {
    looked ??= service.probe((file) => isServedByApp(app, file));
    // What could not be looked at now is looked at again by the next request.
    const served = await looked.catch((error: unknown) => {
      looked = undefined;
      throw error;
    });
    if (served === null) looked = undefined;
    if (served !== true) return;
    throw new BackupError(
      'vault_refused',
      'An express.static of this application serves the folder of the backups: anyone could download them.',
    );
  };
}
