import type { IncomingMessage, ServerResponse } from 'node:http';

/** What Express keeps of each `use`: the handler and, if that is a router, its own layers. */
export interface Layer {
  readonly name?: string;
  /** What `match` found last, where it answers no more than whether it matched. */
  readonly path?: string;
  /** Express 4 and earlier versions of 5 answer true, later ones with what they matched. */
  match?(path: string): boolean | { readonly path: string };
  readonly handle?: ((request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void) & {
    readonly stack?: readonly Layer[];
  };
}

/** Express 4 keeps its router in `_router`, Express 5 in `router`, which throws on 4. */
export function stackOf(app: unknown): readonly Layer[] {
  const { _router } = app as { _router?: { stack?: readonly Layer[] } };
  if (_router !== undefined) return _router.stack ?? [];
  return (app as { router?: { stack?: readonly Layer[] } }).router?.stack ?? [];
}

/** The part of the path that leads to this layer, or undefined when the path leads elsewhere. */
export function matchedPath(layer: Layer, path: string): string | undefined {
  try {
    const match = layer.match?.(path) ?? false;
    return match === true ? (layer.path ?? '') : match === false ? undefined : match.path;
  } catch {
    return undefined; // A path that cannot be decoded leads nowhere.
  }
}
