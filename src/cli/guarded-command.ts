import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { BackupError } from '../errors.js';
import { MigrationNotStarted } from '../operations/migrate/guard-migration.js';
import { Undecided } from '../operations/migrate/judge-migration.js';
import type { CommandContext } from './command.js';
import type { Interruption } from './interruption.js';
import { ProcessFamily } from './process-family.js';

/** Ended with another code than 0, by a signal, or because it was interrupted. */
export class CommandFailed extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

interface Ending {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
}

export interface GuardedCommand {
  /**
   * Runs it to its end. When this rejects nothing that the command has started works on any more, so that what is undone
   * then stays undone: a shell that is ended leaves its commands running.
   * @throws CommandFailed; MigrationNotStarted; Undecided where something of it cannot be ended
   */
  run(): Promise<void>;
  /**
   * Ends what a command that succeeded has left running.
   * @throws BackupError `database_busy` where something of it cannot be ended
   */
  endRest(): Promise<void>;
}

const markName = 'EXPRESS_DB_BACKUP_MIGRATION';

/**
 * It stays in the process group of this process. In one of its own it could not read the terminal, no Ctrl-C would
 * reach it, and it would outlive a SIGKILL that is sent to the group. A mark in its environment tells what belongs to
 * it, also when the shell that started it is gone.
 */
export function guardedCommand(command: readonly string[], context: CommandContext): GuardedCommand {
  const { signal, interruption, terminal } = context;
  const [program = ''] = command;
  const hurry = new AbortController();
  let family: ProcessFamily | undefined;
  const end = async (): Promise<readonly number[]> => (await family?.end(hurry.signal)) ?? [];
  return {
    async run() {
      // Who was not there yet has not heard it.
      if (signal.aborted) throw new MigrationNotStarted('It was interrupted before it began.');
      const started = start(command, context);
      ({ family } = started);
      try {
        const { code, killedBy } = await Promise.race([started.ended, untilLeft(started.ended)]);
        if (code === 0 && !signal.aborted) return;
        const left = await end();
        if (left.length > 0) throw new Undecided(undying(program, left));
        throw failureOf(program, code, killedBy, interruption);
      } finally {
        // Whoever is impatient with the command does not mean what comes after it, which takes a moment.
        interruption.onHurry(() =>
          terminal.note('The database is being looked at, or put back. Once more ends that half done.'),
        );
      }
    },
    async endRest() {
      const left = await end();
      if (left.length > 0) throw new BackupError('database_busy', undying(program, left));
    },
  };

  /** Rejects where it was interrupted, and something of it cannot be ended. */
  function untilLeft(ended: Promise<Ending>): Promise<never> {
    return new Promise((_resolve, reject) => {
      const ask = (): void => {
        interruption.onHurry(() => hurry.abort());
        terminal.note(`Waiting for ${program} to end. Once more, and it is killed; then what it did is undone.`);
        end().then((left) => left.length > 0 && reject(new Undecided(undying(program, left))), reject);
      };
      signal.addEventListener('abort', ask, { once: true });
      ended.finally(() => signal.removeEventListener('abort', ask)).catch(() => undefined);
    });
  }
}

function start(
  [program = '', ...parameters]: readonly string[],
  { terminal }: CommandContext,
): { family: ProcessFamily; ended: Promise<Ending> } {
  terminal.makeWay();
  const mark = randomUUID();
  try {
    // What it says goes where people look; a script reads standard output for one document alone.
    const child = spawn(program, parameters, {
      stdio: ['inherit', terminal.isJson ? 2 : 'inherit', 'inherit'],
      env: { ...process.env, [markName]: mark },
    });
    return { family: new ProcessFamily(child, `${markName}=${mark}`), ended: endOf(child, program) };
  } catch (error) {
    // An empty name, or a path through a file: of some faults Node throws where it tells of others by an event.
    throw notStarted(program, error);
  }
}

/** One that was interrupted may say that all is well, and have ended in the middle. */
function failureOf(
  program: string,
  code: number | null,
  killedBy: NodeJS.Signals | null,
  interruption: Interruption,
): CommandFailed {
  // As shells tell of a signal.
  if (killedBy !== null)
    return new CommandFailed(`${program} was ended by ${killedBy}.`, 128 + constants.signals[killedBy]);
  if (code === 0) return new CommandFailed(`${program} was interrupted.`, interruption.code);
  return new CommandFailed(`${program} ended with code ${code}.`, code ?? 1);
}

/** What still writes would write into what an undo has put back. */
const undying = (program: string, left: readonly number[]): string =>
  `${program} was to end, but process ${left.join(', ')} of it cannot be ended and may still write.`;

const notStarted = (program: string, error: unknown): MigrationNotStarted =>
  new MigrationNotStarted(
    `${program || 'An empty name'} cannot be run: ${error instanceof Error ? error.message : error}.`,
  );

function endOf(child: ChildProcess, program: string): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(notStarted(program, error)));
    child.once('close', (code, killedBy) => resolve({ code, killedBy }));
  });
}
