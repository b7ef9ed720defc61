import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { BackupError } from '../../errors.js';
import { MigrationNotStarted } from '../../operations/guard-migration.js';
import { type Command, type CommandContext, interruptedCode } from '../command.js';

export interface MigrateFlags {
  readonly label?: string;
  readonly onFailure?: 'restore' | 'keep';
  readonly mayEmpty?: readonly string[];
}

/** Ended with another code than 0, or by a signal. */
class CommandFailed extends Error {
  readonly exitCode: number;

  constructor(command: string, code: number | null, signal: NodeJS.Signals | null) {
    super(signal === null ? `${command} ended with code ${code}.` : `${command} was ended by ${signal}.`);
    // As shells tell of a signal.
    this.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  }
}

/** Runs the host's own migration command under guard, and ends as it ended, so that a pipeline fails where it fails. */
export function migrate(command: readonly string[], flags: MigrateFlags): Command {
  return async (context) => {
    const { service, terminal, signal, caller } = context;
    // Not its arguments: there may be a secret among them.
    const label = flags.label ?? command[0];
    try {
      const { backup, validation } = await service.guardMigration(() => run(command, context), {
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
      return signal.aborted ? interruptedCode : error.cause.exitCode;
    }
  };
}

/** A command that does not end when it is asked to is ended. */
const longestDeafMs = 10_000;

/** What it says goes where people look; a script reads standard output for one document alone. */
function run([program = '', ...parameters]: readonly string[], { terminal, signal }: CommandContext): Promise<void> {
  terminal.makeWay();
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['inherit', terminal.isJson ? 2 : 'inherit', 'inherit'] });
    // A Ctrl-C reaches the command by itself; a signal sent to this process alone does not.
    const pass = (): void => {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), longestDeafMs).unref();
    };
    if (signal.aborted) pass();
    signal.addEventListener('abort', pass, { once: true });
    child.once('error', (error) => reject(new MigrationNotStarted(`${program} cannot be run: ${error.message}.`)));
    child.once('close', (code, killedBy) => {
      signal.removeEventListener('abort', pass);
      if (code === 0) resolve();
      else reject(new CommandFailed(program, code, killedBy));
    });
  });
}
