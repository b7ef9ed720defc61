/** Routers of this package, which answer while a restore runs: its progress and its cancellation are asked for there. */
const ungated = new WeakSet<object>();

export function keepUngated<Router extends object>(router: Router): Router {
  ungated.add(router);
  return router;
}

export const isUngated = (handler: object): boolean => ungated.has(handler);
