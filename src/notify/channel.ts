import type { NotifyEvent } from '../options/notify-options.js';
import { DeliveryQueue } from './delivery-queue.js';
import type { Notifier } from './notifier.js';
import type { Pace } from './pace.js';

/** A notifier of this service, with what it has yet to deliver. */
export interface Channel {
  /** Under which the state remembers it: its place in the option `notify`, and its name. */
  readonly id: string;
  readonly notifier: Notifier;
  readonly queue: DeliveryQueue;
}

export function openChannels(
  notifiers: readonly Notifier[],
  pace: Pace,
  fault: (error: unknown) => void,
): readonly Channel[] {
  return notifiers.map((notifier, index) => ({
    id: `${index}-${notifier.name}`,
    notifier,
    queue: new DeliveryQueue(notifier, pace, fault),
  }));
}

export const wanting = (channels: readonly Channel[], event: NotifyEvent): readonly Channel[] =>
  channels.filter(({ notifier }) => notifier.events.includes(event));
