#!/usr/bin/env node
import { CommanderError } from 'commander';
import { errorTable } from '../error-table.js';
import { createProgram } from './program.js';

/** Entry of the command. What does not fit the usage ends with the code that the error table has for it. */
// Whoever reads it has seen enough, as `head` has; what cannot be told for another reason has been done all the same.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = errorTable.vault_read_only.exitCode;
  });
const program = createProgram().exitOverride();
for (const command of program.commands) command.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : errorTable.invalid_request.exitCode;
}
// What a config has opened, such as a connection or a timer, is not waited for.
process.stdout.write('', () => process.exit());
