import type { NotifyEvent } from '../options/notify-options.js';

/** Numbers and names that belong to what happened; sizes in bytes. */
export type Facts = Readonly<Record<string, string | number | null>>;

export interface LastGoodBackup {
  readonly filename: string;
  readonly createdAt: string;
  readonly ageMs: number;
}

/** What somebody is told. No field holds a secret or a path. */
export interface Notification {
  readonly version: 1;
  readonly event: NotifyEvent;
  /** `recovered`: the trouble of `event` is over. `notice`: it is none. */
  readonly status: 'trouble' | 'recovered' | 'notice';
  /** What the names of its backups begin with. */
  readonly database: string;
  /** The name of the machine. */
  readonly host: string;
  readonly at: string;
  readonly title: string;
  readonly detail: string;
  /** Of the error table, where the event has one. */
  readonly code: string | null;
  /** What to do now. */
  readonly hint: string | null;
  readonly facts: Facts;
  /** When it first happened. */
  readonly since: string;
  /** How often it has happened since then. */
  readonly count: number;
  /** Null when there is none; missing when the vault could not be read. */
  readonly lastGoodBackup?: LastGoodBackup | null;
  /** All of it for people, in plain text. */
  readonly text: string;
}

export interface Delivery {
  /** The same for every attempt to deliver one notification to one notifier. */
  readonly id: string;
  /** Aborts when the attempt has taken too long or the service is closed. */
  readonly signal: AbortSignal;
}

export type DeliveryOutcome =
  | {
      readonly delivered: true;
      /** Who was not reached beside those who were, in a few words; that is told to the host's log. */
      readonly missed?: string;
    }
  | {
      readonly delivered: false;
      /** Why, in a few words without a secret. */
      readonly reason: string;
      /** Whether the same might be accepted later. */
      readonly retry: boolean;
      /** How long the receiver asked to wait, milliseconds. */
      readonly retryAfterMs?: number | undefined;
    };

export const delivered: DeliveryOutcome = { delivered: true };

/** A way to tell somebody. The service queues, bounds and repeats what it is asked to deliver. */
export interface Notifier {
  /** How it is called in messages. */
  readonly name: string;
  readonly events: readonly NotifyEvent[];
  /** Whether it is told every time, and not once for a streak of equal failures. */
  readonly everyTime?: boolean;
  /** An attempt that takes longer has failed, milliseconds; 10 s unless told otherwise. */
  readonly attemptMs?: number;
  /** Loads what it needs, at the start. @throws BackupError `tool_missing` */
  prepare?(): Promise<void>;
  /** One attempt; one that throws is tried again. */
  deliver(notification: Notification, delivery: Delivery): Promise<DeliveryOutcome>;
  /** Lets go of its connections when the service is closed; a service made later may use it again. */
  close?(): void | Promise<void>;
}
