#!/usr/bin/env node
import { CommanderError } from 'commander';
import { errorTable } from '../error-table.js';
import { createProgram } from './program.js';

/** As Node ends when a top-level await can never be over. */
const unsettledAwait = 13;

/** Entry of the command. What does not fit the usage ends with the code that the error table has for it. */
// Whoever reads it has seen enough, as `head` has. What else goes wrong there is looked for at the end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
// A config may end the process, or wait for what never comes: Node ends then by itself, and nothing was done.
let isDone = false;
process.on('exit', (code) => {
  if (isDone || (code !== 0 && code !== unsettledAwait)) return;
  process.stderr.write('It ended before it was done: its config ended it, or waits for what never comes.\n');
  process.exitCode = errorTable.internal_error.exitCode;
});
const program = createProgram().exitOverride();
for (const command of program.commands) command.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : errorTable.invalid_request.exitCode;
}
isDone = true;
// What a config has opened, such as a connection or a timer, is not waited for.
process.stdout.write('', () => {
  // The event may come later than this.
  const fault: NodeJS.ErrnoException | null = process.stdout.errored;
  if (fault !== null && fault.code !== 'EPIPE') {
    process.stderr.write(`What was done could not be told on standard output: ${fault.message}\n`);
    process.exitCode ||= errorTable.vault_read_only.exitCode;
  }
  process.exit();
});
