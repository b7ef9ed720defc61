import type { EventListeners } from '../events/event-listeners.js';
import type { Operation, ServiceEvents } from '../events/service-events.js';
import type { Logger } from '../options/logger-option.js';
import { hadBegun, operationLine } from './operation-line.js';
import { safeLogger } from './safe-logger.js';

export interface LoggingParts {
  readonly logger: Logger;
  /** Name of the database, in each line. */
  readonly database: string;
  readonly events: Pick<EventListeners<ServiceEvents>, 'on'>;
}

/** Names or problems in one line; a thousand of them help nobody. */
const mostNamed = 20;

/**
 * Tells the host's log what the service does: one line for each operation when it ends, one for what needs attention.
 * Sentences are constants; whatever came from outside is a field, which a logger escapes.
 */
export function logEvents({ logger: given, database, events }: LoggingParts): void {
  const logger = safeLogger(given);
  const tellOf = (operation: Operation): void => {
    const line = operationLine(operation);
    if (line !== null) logger[line.level]({ database, ...line.fields }, line.message);
  };
  events.on('operation', tellOf);
  for (const name of ['backup.failed', 'restore.failed'] as const)
    events.on(name, ({ operation }) => {
      if (!hadBegun(operation)) tellOf(operation);
    });
  events.on('backup.damaged', ({ filename, level, problems }) =>
    // Not `level`: that is the line's own, in pino as in winston.
    logger.warn(
      { database, file: filename, checked: level, problems: problems.slice(0, mostNamed) },
      'a backup is damaged',
    ),
  );
  events.on('restore.interrupted', (left) =>
    logger.warn({ database, ...left }, 'a restore was interrupted; this is what it left'),
  );
  events.on('database.validated', ({ findings }) => {
    for (const { check, severity, message, command } of findings) {
      const level = severity === 'critical' ? 'error' : 'warn';
      logger[level]({ database, check, problem: message, command }, 'the live database is not what it must be');
    }
  });
  events.on('cleanup.finished', ({ deleted, failed }) => {
    const files = deleted.slice(0, mostNamed).map(({ filename }) => filename);
    if (deleted.length > 0) logger.info({ database, removed: deleted.length, files }, 'retention removed backups');
    if (failed.length > 0)
      logger.warn({ database, failed: failed.slice(0, mostNamed) }, 'retention could not remove backups');
  });
  events.on('schedule.missed', (missed) => logger.warn({ database, ...missed }, 'a scheduled run was missed'));
  events.on('table.shrank', ({ filename, ...shrunk }) =>
    logger.warn({ database, file: filename, ...shrunk }, 'a table lost all its rows since the previous backup'),
  );
  events.on('disk.low', (disk) => logger.warn({ database, ...disk }, 'there may be no room for the next backups'));
  // The one line with a cause: the caller was told the instance id alone.
  events.on('internal.error', ({ instance, error }) =>
    logger.error({ database, instance, err: error }, 'internal error'),
  );
}
