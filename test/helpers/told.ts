import { join } from 'node:path';
import type { Notification, Notifier, ServiceEvents } from 'express-db-backup';
import { onTestFinished } from 'vitest';
import { createVaultLock } from '../../dist/coordination/vault-lock.js';
import { BackupError } from '../../dist/errors.js';
import { createEvents, type EventListeners } from '../../dist/events/event-listeners.js';
import { Notifications } from '../../dist/notify/notifications.js';
import { type Pace, usualPace } from '../../dist/notify/pace.js';
import { StreakStore } from '../../dist/notify/streak-store.js';
import { temporaryFolder } from './temporary-folder.js';

export const secret = 'a secret of the tests';

/** Waits that a test does not notice. */
export const quickPace: Pace = { ...usualPace, firstWaitMs: 1, longestWaitMs: 4, closeMs: 1_000 };

export interface Told {
  readonly events: EventListeners<ServiceEvents>;
  readonly notifications: Notifications;
  readonly faults: BackupError[];
  /** Where the state lies. */
  readonly file: string;
  /** A service of its own would have failed with this. */
  fail(code?: ConstructorParameters<typeof BackupError>[0]): void;
  succeed(change?: Partial<ServiceEvents['backup.created']>): void;
}

export interface TellOptions {
  readonly folder?: string;
  readonly pace?: Partial<Pace>;
  readonly clock?: () => Date;
  readonly instance?: string;
  readonly isAlive?: (id: string) => boolean;
}

/** Notifications of events that the test emits, with all their parts real but the service. */
export function tell(notifiers: readonly Notifier[], options: TellOptions = {}): Told {
  const { folder = temporaryFolder(), pace, clock = () => new Date() } = options;
  const { instance = 'this', isAlive = () => false } = options;
  const events = createEvents<ServiceEvents>();
  const faults: BackupError[] = [];
  const fault = (error: unknown): void => void faults.push(error as BackupError);
  const file = join(folder, 'notify.json');
  const exclusively = createVaultLock(folder);
  const notifications = new Notifications({
    notifiers,
    events,
    store: new StreakStore({ file, staging: folder, exclusively, fault }),
    database: 'app',
    host: 'here',
    clock,
    lastGoodBackup: async () => null,
    instance: async () => instance,
    isAlive,
    fault,
    pace: { ...quickPace, ...pace },
  });
  onTestFinished(() => notifications.close());
  const operation = { id: '', type: 'create', startedAt: clock().toISOString() } as ServiceEvents['operation'];
  return {
    events,
    notifications,
    faults,
    file,
    fail: (code = 'database_missing') =>
      events.emit('backup.failed', { operation, error: new BackupError(code, 'It is not there.') }),
    succeed: (change = {}) =>
      events.emit('backup.created', {
        filename: 'app_backup_2026-01-08_21-00-00.db',
        kind: 'manual',
        size: 1,
        tables: {},
        ...change,
      } as ServiceEvents['backup.created']),
  };
}

/** A notifier that remembers, and answers as it is told. */
export function remember(change: Partial<Notifier> = {}): Notifier & { readonly told: Notification[] } {
  const told: Notification[] = [];
  return {
    name: 'memory',
    events: ['backup.failed', 'backup.damaged', 'restore.interrupted', 'table.shrank', 'disk.low', 'schedule.missed'],
    async deliver(notification) {
      told.push(notification);
      return { delivered: true };
    },
    ...change,
    told,
  };
}

/** `trouble backup.failed 1` for each. */
export const summary = (told: readonly Notification[]): string[] =>
  told.map(({ status, event, count }) => `${status} ${event} ${count}`);
