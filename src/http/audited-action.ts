import type { AuditAction } from '../options/audit-entry.js';
import type { Permission } from '../options/router-options.js';
import type { Route } from './routes.js';

const actions: Readonly<Record<Permission, AuditAction>> = {
  create: 'create',
  read: 'read',
  download: 'download',
  verify: 'verify',
  restore: 'restore',
  cleanup: 'cleanup',
  upload: 'upload',
  delete: 'remove',
  audit: 'read',
};

/** What a request to this route is called in the audit. */
export const auditedAction = ({ action, permission }: Route): AuditAction => action ?? actions[permission];
