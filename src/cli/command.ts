import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BackupError, toBackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';
import { type GlobalFlags, loadSettings, openService, type Settings } from './config.js';
import { showProgress } from './progress.js';
import { Terminal } from './terminal.js';

/** What a command works with. */
export interface CommandContext {
  readonly service: BackupService;
  readonly settings: Settings;
  readonly terminal: Terminal;
  /** Aborts with the first Ctrl-C: what runs is undone. */
  readonly signal: AbortSignal;
  /** Who is named for it in the records. */
  readonly caller: { readonly by: string; readonly signal: AbortSignal };
}

/** @returns the exit code; 0 unless told otherwise */
export type Command = (context: CommandContext) => Promise<number | undefined>;

/** As shells tell of a process that SIGINT ended. */
export const interruptedCode = 130;

/** Runs a command from its settings to its exit code. Every failure ends here. */
export async function runCommand(flags: GlobalFlags, command: Command, { makesVault = false } = {}): Promise<void> {
  const terminal = new Terminal(flags.json === true);
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort(new BackupError('operation_cancelled', 'It was interrupted.'));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop);
  try {
    process.exitCode = await runWith(flags, terminal, interrupt.signal, command, makesVault);
  } catch (error) {
    const told = toBackupError(error);
    terminal.fail(told);
    if (told !== error && told.code === 'internal_error') terminal.log(error);
    process.exitCode = wasUndone(told, interrupt.signal) ? interruptedCode : told.exitCode;
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
  }
}

/** What failed otherwise while it was interrupted has a code of its own, and need not be undone. */
const wasUndone = ({ code, cause }: BackupError, { aborted }: AbortSignal): boolean =>
  code === 'operation_cancelled' || (aborted && cause instanceof Error && cause.name === 'AbortError');

/** A mistyped folder is told, and no vault is made of it by who only wants to read. */
function requireVault({ options }: Settings): void {
  if (existsSync(join(options.directory, '.state', 'vault.json'))) return;
  throw new BackupError(
    'vault_refused',
    `There are no backups in ${options.directory}: nothing has made a vault of it yet.`,
  );
}

async function runWith(
  flags: GlobalFlags,
  terminal: Terminal,
  signal: AbortSignal,
  command: Command,
  makesVault: boolean,
): Promise<number> {
  const settings = await loadSettings(flags);
  const service = openService(settings);
  // The only log a command has is whoever typed it.
  service.on('internal.error', ({ error }) => terminal.log(error));
  showProgress(service, terminal);
  try {
    if (!makesVault) requireVault(settings);
    return (await command({ service, settings, terminal, signal, caller: { by: 'cli', signal } })) ?? 0;
  } finally {
    await service.close();
  }
}
