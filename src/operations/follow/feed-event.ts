import type { ServiceEvents } from '../../events/service-events.js';
import type { ServiceStatus } from '../backup-service.js';
import type { BackupNews } from './backup-news.js';
import type { ToldOperation } from './operation-news.js';

/** Events that are of use to whoever watches, beside operations and backups. Told by the service that found it. */
export const noticeNames = ['restore.interrupted', 'schedule.missed', 'table.shrank', 'disk.low'] as const;
type NoticeName = (typeof noticeNames)[number];
export type Notice = { [Name in NoticeName]: { readonly type: Name } & ServiceEvents[Name] }[NoticeName];

/** What a reader is told; `at` is an instant, and what was told before it need not be told again. */
export type FeedEvent = { readonly at: string } & (
  | { readonly name: 'status'; readonly data: ServiceStatus }
  | { readonly name: 'operation'; readonly data: ToldOperation }
  | { readonly name: 'backup'; readonly data: BackupNews }
  | { readonly name: 'notice'; readonly data: Notice }
);

/** Neither method may wait: whoever is slow keeps what it has not passed on yet, in bounds of its own. */
export interface EventReader {
  tell(event: FeedEvent): void;
  /** The service is closed; nothing comes any more. */
  end(): void;
}
