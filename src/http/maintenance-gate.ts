import type { Request } from 'express';
import { BackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';
import { type Layer, matchedPath, stackOf } from './app-stack.js';
import type { Middleware } from './backup-router.js';
import { requireService } from './require-service.js';
import { problemReply, sendReply } from './send-reply.js';
import { isUngated } from './ungated.js';

/** Routers within routers; deeper is a cycle. */
const deepest = 10;

/**
 * Middleware that holds the application's other routes off while a restore replaces the content of the database: they
 * are answered 503 `maintenance` with Retry-After, from just before the content can change until it was checked, or
 * the restore failed. The backup router is never held off, wherever it is mounted. In another process of a cluster the
 * gate follows within 100 ms.
 * @throws BackupError `invalid_options`
 *
 * @example
 * app.use(maintenanceGate(backups)); // before the routes it is for
 */
export function maintenanceGate(service: Pick<BackupService, 'underMaintenance'>): Middleware {
  requireService(service, ['underMaintenance'], 'maintenanceGate');
  return function maintenanceGate(request, response, next) {
    if (!service.underMaintenance() || leadsPastTheGate(request as Request)) {
      next();
      return;
    }
    const error = new BackupError('maintenance', 'A restore is replacing the content of the database.');
    void sendReply(response, problemReply(error, request));
  };
}

/** Asked only while the gate is closed: is the request for a router of this package? */
function leadsPastTheGate({ app, originalUrl }: Request): boolean {
  const mounted = app.path();
  const [path = ''] = originalUrl.split('?');
  return leads(stackOf(app), path.slice(mounted.length) || '/', 0);
}

function leads(stack: readonly Layer[], path: string, depth: number): boolean {
  if (depth > deepest) return false;
  return stack.some((layer) => {
    const { handle } = layer;
    const matched = handle && matchedPath(layer, path);
    if (handle === undefined || matched === undefined) return false;
    if (isUngated(handle)) return true;
    return handle.stack !== undefined && leads(handle.stack, path.slice(matched.length) || '/', depth + 1);
  });
}
