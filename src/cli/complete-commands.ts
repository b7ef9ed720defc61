import { shellQuote } from '../system/shell-quote.js';
import type { GlobalFlags } from './config.js';

const named = ['config', 'database', 'directory'] as const;

/**
 * The flags by which this run knows its database, put into each command that a text names: without them it would find
 * no database, or work on that of another config.
 */
export function completeCommands(text: string, flags: GlobalFlags): string {
  const given = named.flatMap((name) => (flags[name] ? [`--${name} ${shellQuote(flags[name])}`] : []));
  const program = 'npx express-db-backup';
  // A replacement by a function: a path may have what a pattern of replacement means.
  return given.length === 0 ? text : text.replaceAll(`${program} `, () => `${program} ${given.join(' ')} `);
}

/** What says what to do; other texts are somebody's own, such as notes. */
const advice = new Set(['message', 'detail', 'hint', 'command', 'fix']);

/** The same for a document, which a script reads a command from. */
export const completedJson = (value: object, flags: GlobalFlags): string =>
  JSON.stringify(value, (key, part: unknown) =>
    advice.has(key) && typeof part === 'string' ? completeCommands(part, flags) : part,
  );
