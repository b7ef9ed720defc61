import { createHash } from 'node:crypto';
import type { NotifyEvent, TroubleEvent } from '../options/notify-options.js';
import type { Facts } from './notifier.js';

/** Something that must not stay as it is. */
export interface Trouble {
  readonly event: TroubleEvent;
  /** What tells it from others of its event: a code, a file, a table. */
  readonly subject: string;
  readonly code: string | null;
  readonly what: string;
  readonly hint: string;
  readonly facts: Facts;
}

export interface Notice {
  readonly event: NotifyEvent;
  readonly what: string;
  readonly facts: Facts;
}

/** Trouble that is known, as far as it matters to what ends it. */
export interface KnownTrouble {
  readonly trouble: Trouble;
  /** When it was last seen. */
  readonly lastAt: string;
}

/** What one event means to whoever is told. */
export interface Occurrence {
  readonly trouble?: Trouble;
  readonly notice?: Notice;
  /** Which trouble is over by it. */
  readonly recovers?: (known: KnownTrouble) => boolean;
  /** Which trouble is about something that is gone, so that nobody needs to hear of it again. */
  readonly forgets?: (known: KnownTrouble) => boolean;
}

const longestText = 1_000;
const longestSubject = 200;

/** One line of bounded length, whatever a table is named or a message says. */
export function oneLine(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ').trim();
  return clean.length > longestText ? `${clean.slice(0, longestText)}...` : clean;
}

/** The name itself, or what tells a very long one from all others. */
export function subjectOf(name: string): string {
  if (name.length <= longestSubject) return name;
  return `${name.slice(0, 100)} ${createHash('sha256').update(name).digest('hex')}`;
}
