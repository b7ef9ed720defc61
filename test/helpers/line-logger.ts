import type { Logger } from 'express-db-backup';

export interface LoggedLine {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps every line. Like pino it is of no use when its methods are torn from it. */
export class LineLogger implements Logger {
  readonly #lines: LoggedLine[] = [];

  debug(fields: object, message: string): void {
    this.#keep('debug', fields, message);
  }
  info(fields: object, message: string): void {
    this.#keep('info', fields, message);
  }
  warn(fields: object, message: string): void {
    this.#keep('warn', fields, message);
  }
  error(fields: object, message: string): void {
    this.#keep('error', fields, message);
  }

  /** All but those of level debug. */
  get lines(): LoggedLine[] {
    return this.#lines.filter(({ level }) => level !== 'debug');
  }
  get debugLines(): LoggedLine[] {
    return this.#lines.filter(({ level }) => level === 'debug');
  }

  #keep(level: keyof Logger, fields: object, message: string): void {
    this.#lines.push({ level, fields: fields as Record<string, unknown>, message });
  }
}
