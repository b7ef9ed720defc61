import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Exclusively } from '../../coordination/vault-lock.js';
import { Notifications } from '../../notify/notifications.js';
import type { LastGoodBackup, Notifier } from '../../notify/notifier.js';
import { StreakStore } from '../../notify/streak-store.js';
import type { OperationParts } from '../operation-parts.js';

export interface NotifyParts {
  readonly notifiers: readonly Notifier[];
  /** Short changes of the vault, which is made if it is not there. */
  readonly exclusively: Exclusively;
  readonly isAlive: (instance: string) => boolean;
}

/** Lets the notifiers hear of this service's events; what they were told is kept in the vault. */
export function tellPeople(parts: OperationParts, { notifiers, exclusively, isAlive }: NotifyParts): Notifications {
  const { events, place, clock, runner } = parts;
  const fault = (error: unknown): void => events.emit('internal.error', { instance: null, error });
  const file = join(place.stateDirectory, 'notify.json');
  // What a crash leaves there belongs to no service that lives, and goes at the next start.
  const staging = join(place.stateDirectory, 'staging');
  return new Notifications({
    notifiers,
    events,
    store: new StreakStore({ file, staging, exclusively, fault }),
    database: place.naming.prefix,
    host: hostname(),
    clock,
    lastGoodBackup: () => lastGoodBackup(parts),
    instance: async () => (await runner.instance()).id,
    isAlive,
    fault,
  });
}

/** The newest backup of the live database that is not known to be damaged. */
async function lastGoodBackup({ vault, clock }: OperationParts): Promise<LastGoodBackup | null> {
  const good = (await vault.list()).find(
    ({ manifest, kind, verification }) => manifest && kind !== 'uploaded' && verification?.ok !== false,
  );
  if (good === undefined) return null;
  const { filename, createdAt } = good;
  return { filename, createdAt, ageMs: Math.max(0, clock().getTime() - Date.parse(createdAt)) };
}
