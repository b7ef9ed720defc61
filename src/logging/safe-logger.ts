import type { Logger } from '../options/logger-option.js';

/**
 * A logger whose failure harms nobody. Its first one becomes a process warning, since there is no log to tell it to;
 * of those that follow nobody would learn more.
 */
export function safeLogger(logger: Logger): Logger {
  let warned = false;
  const warnOnce = (error: unknown): void => {
    if (warned) return;
    warned = true;
    process.emitWarning(error instanceof Error ? error : String(error));
  };
  const guarded = (level: keyof Logger) => (fields: object, message: string) => {
    try {
      // As a method: loggers are classes as often as not.
      const written: unknown = logger[level](fields, message);
      if (written instanceof Promise) written.catch(warnOnce);
    } catch (error) {
      warnOnce(error);
    }
  };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}
