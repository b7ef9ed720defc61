import { BackupError } from '../../errors.js';
import { MigrationNotStarted } from '../../operations/migrate/guard-migration.js';
import type { Command } from '../command.js';
import { CommandFailed, guardedCommand } from '../guarded-command.js';

export interface MigrateFlags {
  readonly label?: string;
  readonly onFailure?: 'restore' | 'keep';
  readonly mayEmpty?: readonly string[];
}

/** Runs the host's own migration command under guard, and ends as it ended, so that a pipeline fails where it fails. */
export function migrate(command: readonly string[], { label, onFailure, mayEmpty }: MigrateFlags): Command {
  return async (context) => {
    const { service, terminal, interruption, caller } = context;
    const guarded = guardedCommand(command, context);
    try {
      const { backup, validation } = await service.guardMigration(guarded.run, {
        ...caller,
        // Not its arguments: there may be a secret among them.
        label: label ?? command[0],
        onFailure,
        mayEmpty,
        beforeRestore: guarded.endRest,
      });
      const from = backup === null ? 'There was no database before it.' : `Before it: ${backup.filename}`;
      terminal.tell({ backup, validation }, [`${terminal.style('green', 'Migrated.')} ${from}`]);
      return 0;
    } catch (error) {
      if (!(error instanceof BackupError)) throw error;
      const { cause } = error;
      const { aborted } = interruption.signal;
      if (aborted && cause instanceof MigrationNotStarted)
        throw new BackupError('operation_cancelled', cause.message, { cause });
      if (!(cause instanceof CommandFailed)) throw error;
      terminal.fail(error);
      return aborted ? interruption.code : cause.exitCode;
    }
  };
}
