import { z } from 'zod';
import { rateLimitDefaults, rateLimitSchema } from './rate-limit-options.js';

/** The one home of every default of the router. */
export const routerDefaults = {
  confirmationPhrase: 'I understand this will replace the current database',
  permissions: {
    create: ['ADMIN', 'DEVELOPER'],
    read: ['ADMIN', 'DEVELOPER'],
    download: ['ADMIN', 'DEVELOPER'],
    verify: ['ADMIN', 'DEVELOPER'],
    restore: ['DEVELOPER'],
    cleanup: ['ADMIN', 'DEVELOPER'],
    upload: ['DEVELOPER'],
    delete: ['ADMIN', 'DEVELOPER'],
    audit: ['ADMIN', 'DEVELOPER'],
  },
  rateLimit: rateLimitDefaults,
} as const satisfies { confirmationPhrase: string; permissions: Record<string, readonly string[]>; rateLimit: object };

export type Permission = keyof typeof routerDefaults.permissions;

const roles = z.array(z.string().min(1));
const permissionsSchema = z
  .strictObject({
    create: roles.default([...routerDefaults.permissions.create]),
    read: roles.default([...routerDefaults.permissions.read]),
    download: roles.default([...routerDefaults.permissions.download]),
    verify: roles.default([...routerDefaults.permissions.verify]),
    restore: roles.default([...routerDefaults.permissions.restore]),
    cleanup: roles.default([...routerDefaults.permissions.cleanup]),
    upload: roles.default([...routerDefaults.permissions.upload]),
    delete: roles.default([...routerDefaults.permissions.delete]),
    audit: roles.default([...routerDefaults.permissions.audit]),
  })
  .prefault({});

export const routerOptionsSchema = z.strictObject({
  authenticate: z.custom<unknown>(
    (value) => typeof value === 'function',
    'a function such as jwtAuth({ secret }); a router without authentication would give the database to anyone',
  ),
  permissions: permissionsSchema,
  confirmationPhrase: z.string().min(1).default(routerDefaults.confirmationPhrase),
  rateLimit: rateLimitSchema,
});

export type ParsedRouterOptions = z.output<typeof routerOptionsSchema>;
