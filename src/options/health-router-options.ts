import { z } from 'zod';
import { routerDefaults } from './router-options.js';

export const healthRouterOptionsSchema = z.strictObject({
  authenticate: z
    .custom<unknown>((value) => typeof value === 'function', 'a function such as jwtAuth({ secret })')
    .optional(),
  /** Who is shown all of it. */
  roles: z.array(z.string().min(1)).default([...routerDefaults.permissions.read]),
  /** `public` shows all of it to everyone. */
  details: z.enum(['authorised', 'public']).default('authorised'),
});

export type ParsedHealthRouterOptions = z.output<typeof healthRouterOptionsSchema>;
