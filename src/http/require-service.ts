import { BackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';

/**
 * Asked when a router is made: at its first request there would be nobody left to tell what is missing, and a promise
 * that nobody waits for would end the process.
 * @throws BackupError `invalid_options`
 */
export function requireService(service: unknown, methods: readonly (keyof BackupService)[], name: string): void {
  const given = service as Partial<BackupService> | null | undefined;
  if (methods.every((method) => typeof given?.[method] === 'function')) return;
  throw new BackupError('invalid_options', `Expected the service of ${name} to be what createBackupService() returns.`);
}
