import { spawn } from 'node:child_process';
import { errorTable } from '../../error-table.js';
import { BackupError } from '../../errors.js';
import { MigrationNotStarted } from '../../operations/guard-migration.js';
import type { Command } from '../command.js';

export interface MigrateFlags {
  readonly label?: string;
  readonly onFailure?: 'restore' | 'keep';
  readonly mayEmpty?: readonly string[];
}

/** Ended with another code than 0, or by a signal. */
class CommandFailed extends Error {
  readonly exitCode: number;

  constructor(command: string, exitCode: number) {
    super(`${command} ended with code ${exitCode}.`);
    this.exitCode = exitCode;
  }
}

/** Runs the host's own migration command under guard, and ends as it ended, so that a pipeline fails where it fails. */
export function migrate(command: readonly string[], flags: MigrateFlags): Command {
  return async ({ service, terminal, signal, caller }) => {
    const label = flags.label ?? command.join(' ').slice(0, 200);
    try {
      const { backup, validation } = await service.guardMigration(() => run(command, terminal.isJson, signal), {
        ...caller,
        ...flags,
        label,
      });
      const from = backup === null ? 'There was no database before it.' : `Before it: ${backup.filename}`;
      terminal.tell({ backup, validation }, [`${terminal.style('green', 'Migrated.')} ${from}`]);
      return 0;
    } catch (error) {
      if (!(error instanceof BackupError) || !(error.cause instanceof CommandFailed)) throw error;
      terminal.fail(error);
      return error.cause.exitCode;
    }
  };
}

/** What it says goes where people look; a script reads standard output for one document alone. */
function run([program = '', ...parameters]: readonly string[], isJson: boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['inherit', isJson ? 2 : 'inherit', 'inherit'] });
    // A Ctrl-C reaches the command by itself; a signal sent to this process alone does not.
    const pass = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', pass, { once: true });
    child.once('error', (error) => reject(new MigrationNotStarted(`${program} cannot be run: ${error.message}.`)));
    child.once('close', (code) => {
      signal.removeEventListener('abort', pass);
      if (code === 0) resolve();
      else reject(new CommandFailed(program, code ?? errorTable.migration_failed.exitCode));
    });
  });
}
