import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { MigrationNotStarted } from '../operations/migrate/guard-migration.js';
import { Undecided } from '../operations/migrate/judge-migration.js';
import type { CommandContext } from './command.js';
import { ProcessFamily } from './process-family.js';

/** Ended with another code than 0, or by a signal. */
export class CommandFailed extends Error {
  readonly exitCode: number;

  constructor(command: string, code: number | null, signal: NodeJS.Signals | null) {
    super(signal === null ? `${command} ended with code ${code}.` : `${command} was ended by ${signal}.`);
    // As shells tell of a signal.
    this.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  }
}

const markName = 'EXPRESS_DB_BACKUP_MIGRATION';

/**
 * Runs a command to its end. When this rejects nothing that the command has started works on any more, so that what is
 * undone then stays undone: a shell that is ended leaves its commands running.
 *
 * It stays in the process group of this process. In one of its own it could not read the terminal, no Ctrl-C would
 * reach it, and it would outlive a SIGKILL that is sent to the group. A mark in its environment tells what belongs to
 * it, also when the shell that started it is gone.
 * @throws CommandFailed; MigrationNotStarted; Undecided where something of it cannot be ended
 */
export async function runGuarded(
  [program = '', ...parameters]: readonly string[],
  { terminal, signal, interruption }: CommandContext,
): Promise<void> {
  terminal.makeWay();
  const mark = randomUUID();
  // What it says goes where people look; a script reads standard output for one document alone.
  const child = spawn(program, parameters, {
    stdio: ['inherit', terminal.isJson ? 2 : 'inherit', 'inherit'],
    env: { ...process.env, [markName]: mark },
  });
  const family = new ProcessFamily(child, `${markName}=${mark}`);
  const hurry = new AbortController();
  const ended = endOf(child, program);
  const asked = new Promise<never>((_resolve, reject) => {
    const end = (): void => {
      interruption.onHurry(() => hurry.abort());
      terminal.note(`Waiting for ${program} to end. Once more, and it is killed; then what it did is undone.`);
      family.end(hurry.signal).then((left) => left.length > 0 && reject(undecided(program, left)), reject);
    };
    signal.addEventListener('abort', end, { once: true });
    ended.finally(() => signal.removeEventListener('abort', end)).catch(() => undefined);
  });
  try {
    const { code, killedBy } = await Promise.race([ended, asked]);
    if (code === 0 && !signal.aborted) return;
    const left = await family.end(hurry.signal);
    if (left.length > 0) throw undecided(program, left);
    if (code !== 0) throw new CommandFailed(program, code, killedBy);
  } finally {
    // Whoever is impatient with the command does not mean what comes after it, which takes a moment.
    interruption.onHurry(() =>
      terminal.note('The database is being looked at, or put back. Once more ends that half done.'),
    );
  }
}

/** What still writes would write into what an undo has put back. */
const undecided = (program: string, left: readonly number[]): Error =>
  new Undecided(`${program} was to end, but process ${left.join(', ')} of it cannot be ended and may still write.`);

function endOf(
  child: ChildProcess,
  program: string,
): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new MigrationNotStarted(`${program} cannot be run: ${error.message}.`)));
    child.once('close', (code, killedBy) => resolve({ code, killedBy }));
  });
}
