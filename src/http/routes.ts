import type { AuditAction } from '../options/audit-entry.js';
import type { LimitName } from '../options/rate-limit-options.js';
import type { Permission } from '../options/router-options.js';
import type { Handler } from './handler.js';
import { audit } from './handlers/audit.js';
import { cleanup } from './handlers/cleanup.js';
import { compare } from './handlers/compare.js';
import { create } from './handlers/create.js';
import { download } from './handlers/download.js';
import { events } from './handlers/events.js';
import { list } from './handlers/list.js';
import { cancelOperation, readOperation, status } from './handlers/operations.js';
import { remove } from './handlers/remove.js';
import { restore, undo } from './handlers/restore.js';
import { stats } from './handlers/stats.js';
import { update } from './handlers/update.js';
import { upload } from './handlers/upload.js';
import { verify } from './handlers/verify.js';

export interface Route {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  readonly path: string;
  readonly permission: Permission;
  readonly body: 'none' | 'json' | 'multipart';
  /** Under which limit its requests are counted. */
  readonly limit?: Exclude<LimitName, 'failedAuth'>;
  readonly handle: Handler;
  /** What the audit calls it when it is refused, where the permission does not say it. */
  readonly action?: AuditAction;
}

/** The table: every route there is. Fixed paths stand before `/:filename`. */
export const routes: readonly Route[] = [
  { method: 'post', path: '/create', permission: 'create', body: 'json', limit: 'create', handle: create },
  { method: 'get', path: '/list', permission: 'read', body: 'none', handle: list },
  { method: 'get', path: '/stats', permission: 'read', body: 'none', handle: stats },
  {
    method: 'get',
    path: '/download/:filename',
    permission: 'download',
    body: 'none',
    limit: 'download',
    handle: download,
  },
  { method: 'post', path: '/verify/:filename', permission: 'verify', body: 'json', limit: 'verify', handle: verify },
  { method: 'post', path: '/restore/undo', permission: 'restore', body: 'json', limit: 'restore', handle: undo },
  {
    method: 'post',
    path: '/restore/:filename',
    permission: 'restore',
    body: 'json',
    limit: 'restore',
    handle: restore,
  },
  { method: 'post', path: '/cleanup', permission: 'cleanup', body: 'json', handle: cleanup },
  { method: 'post', path: '/upload', permission: 'upload', body: 'multipart', limit: 'upload', handle: upload },
  { method: 'get', path: '/status', permission: 'read', body: 'none', handle: status },
  { method: 'get', path: '/compare', permission: 'read', body: 'none', handle: compare, action: 'compare' },
  { method: 'get', path: '/events', permission: 'read', body: 'none', handle: events },
  { method: 'get', path: '/operations/:id', permission: 'read', body: 'none', handle: readOperation },
  {
    method: 'delete',
    path: '/operations/:id',
    permission: 'restore',
    body: 'none',
    handle: cancelOperation,
    action: 'cancel',
  },
  { method: 'get', path: '/audit', permission: 'audit', body: 'none', handle: audit },
  { method: 'patch', path: '/:filename', permission: 'create', body: 'json', handle: update, action: 'update' },
  { method: 'delete', path: '/:filename', permission: 'delete', body: 'none', handle: remove },
];
