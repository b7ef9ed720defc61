import { type BackupError, toBackupError } from '../errors.js';
import type { BackupService } from '../operations/backup-service.js';
import { becomeOwner } from './become-owner.js';
import { type GlobalFlags, loadSettings, openService, type Settings } from './config.js';
import { Interruption } from './interruption.js';
import { showProgress } from './progress.js';
import { Terminal } from './terminal.js';
import { requirePlace, requireVault } from './vault-place.js';

/** What a command works with. */
export interface CommandContext {
  readonly service: BackupService;
  readonly settings: Settings;
  readonly terminal: Terminal;
  /** Aborts with the first Ctrl-C: what runs is undone. */
  readonly signal: AbortSignal;
  readonly interruption: Interruption;
  /** Who is named for it in the records. */
  readonly caller: { readonly by: string; readonly signal: AbortSignal };
}

/** @returns the exit code; 0 unless told otherwise */
export type Command = (context: CommandContext) => Promise<number | undefined>;

/** Runs a command from its settings to its exit code. */
export function runCommand(flags: GlobalFlags, command: Command, { makesVault = false } = {}): Promise<void> {
  return runToItsEnd(flags, (terminal, interruption) => runWith(flags, terminal, interruption, command, makesVault));
}

/** Every failure ends here, as a line for whoever typed it and an exit code. */
export async function runToItsEnd(
  flags: GlobalFlags,
  work: (terminal: Terminal, interruption: Interruption) => Promise<number>,
): Promise<void> {
  const terminal = new Terminal(flags);
  const interruption = new Interruption((code) => endAtOnce(terminal, code));
  try {
    process.exitCode = await work(terminal, interruption);
  } catch (error) {
    const told = toBackupError(error);
    terminal.fail(told);
    if (told !== error && told.code === 'internal_error') terminal.log(error);
    process.exitCode = wasUndone(told, interruption.signal) ? interruption.code : told.exitCode;
  } finally {
    interruption.stop();
  }
}

/** What is half done is as after a crash: the next one who opens the vault clears it up. */
function endAtOnce(terminal: Terminal, code: number): void {
  terminal.log('Ended at once. What was under way is cleared up by the next command, or when the application starts.');
  process.exit(code);
}

/** What failed otherwise while it was interrupted has a code of its own, and need not be undone. */
const wasUndone = ({ code, cause }: BackupError, { aborted }: AbortSignal): boolean =>
  code === 'operation_cancelled' || (aborted && cause instanceof Error && cause.name === 'AbortError');

async function runWith(
  flags: GlobalFlags,
  terminal: Terminal,
  interruption: Interruption,
  command: Command,
  makesVault: boolean,
): Promise<number> {
  const settings = await loadSettings(flags);
  becomeOwner(settings, terminal);
  const service = openService(settings);
  // The only log a command has is whoever typed it.
  service.on('internal.error', ({ error }) => terminal.log(error));
  showProgress(service, terminal);
  try {
    requirePlace(settings.options.directory);
    if (!makesVault) requireVault(settings.options.directory);
    const { signal } = interruption;
    return (await command({ service, settings, terminal, signal, interruption, caller: { by: 'cli', signal } })) ?? 0;
  } finally {
    await service.close();
  }
}
