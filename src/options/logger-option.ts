import { z } from 'zod';

type Write = (fields: object, message: string) => unknown;

/** What pino has, and `console` too: the fields first, then a sentence. */
export interface Logger {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
}

const levels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];
const isLogger = (value: unknown): boolean =>
  levels.every((level) => typeof (value as Partial<Logger> | null | undefined)?.[level] === 'function');

export const loggerSchema = z.custom<Logger>(isLogger, 'a logger with debug, info, warn and error, such as pino()');
