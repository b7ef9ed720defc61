/** What a listener of the service can be told; each name has one payload. */
export interface EventListeners<Events> {
  on<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): () => void;
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void;
}

/**
 * A typed emitter whose listeners cannot harm an operation: the backup they are told of exists either way. One that
 * throws, or whose promise rejects, is told to `onFault`; when that returns false, as where nobody gave one, it becomes
 * a process warning.
 */
export function createEvents<Events>(
  onFault: (error: unknown, name: keyof Events) => boolean = () => false,
): EventListeners<Events> {
  const listeners = new Map<keyof Events, Set<(payload: never) => unknown>>();
  const tell = (error: unknown, name: keyof Events): void => {
    if (!onFault(error, name)) process.emitWarning(error instanceof Error ? error : String(error));
  };
  return {
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => void set.delete(listener);
    },
    emit(name, payload) {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          const answer: unknown = (listener as (value: typeof payload) => unknown)(payload);
          if (answer instanceof Promise) answer.catch((error: unknown) => tell(error, name));
        } catch (error) {
          tell(error, name);
        }
      }
    },
  };
}
