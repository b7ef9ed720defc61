import { createRequire } from 'node:module';
import { InvalidArgumentError, Option, Command as Program } from 'commander';
import { backupKinds, verificationLevels } from '../options/backup-kind.js';
import { type Command, runCommand } from './command.js';
import { cleanup } from './commands/cleanup.js';
import { compare } from './commands/compare.js';
import { create } from './commands/create.js';
import { doctor } from './commands/doctor/doctor.js';
import { health } from './commands/health.js';
import { init } from './commands/init.js';
import { list } from './commands/list.js';
import { pin, remove } from './commands/manage.js';
import { migrate } from './commands/migrate.js';
import { restore } from './commands/restore.js';
import { stats } from './commands/stats.js';
import { exportBackup, importBackup } from './commands/transfer.js';
import { verify } from './commands/verify.js';
import type { GlobalFlags } from './config.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** They are understood before the name of a command and after it. */
function withGlobals(command: Program): Program {
  return command
    .option('--config <file>', 'config file; backup.config.js, .mjs or .json of the working directory')
    .option('--database <file>', 'the live database; BACKUP_DATABASE')
    .option('--directory <folder>', 'where the backups lie; BACKUP_DIRECTORY')
    .option('--json', 'one JSON document on standard output');
}

/** Every command with its arguments and flags; what it does stands in its own file. */
export function createProgram(): Program {
  const program = withGlobals(new Program('express-db-backup'))
    .description('Verified backups of a live database, and restores that lose nothing')
    .version(version)
    .showHelpAfterError()
    .enablePositionalOptions();
  const add = (usage: string): Program => withGlobals(program.command(usage));
  let globals: GlobalFlags = {};
  program.hook('preAction', (_program, command) => {
    globals = command.optsWithGlobals<GlobalFlags>();
  });
  const run = (command: Command): Promise<void> => runCommand(globals, command);
  const begin = (command: Command): Promise<void> => runCommand(globals, command, { makesVault: true });

  add('init')
    .description('write backup.config.mjs')
    .action(() => init(globals));
  add('create')
    .description('take a verified backup, while the application runs or not')
    .option('--notes <text>')
    .action((flags) => begin(create(flags)));
  add('list')
    .description('the backups, newest first')
    .option('--limit <count>', '1 to 500', whole)
    .option('--offset <count>', '', whole)
    .addOption(new Option('--kind <kind>').choices(backupKinds))
    .action((flags) => run(list(flags)));
  add('stats')
    .description('how many there are, how large, how old')
    .action(() => run(stats));
  add('verify [name]')
    .description('check a backup (latest)')
    .addOption(new Option('--level <level>').choices(verificationLevels).default('full'))
    .action((name = 'latest', flags) => run(verify(name, flags)));
  add('restore [name]')
    .description('replace the live database by a backup (latest), with a safety backup before; undo: the last restore')
    .option('--confirm <phrase>', 'the confirmation phrase, where nobody can type it')
    .option('--tables <table...>', 'the rows of these tables alone')
    .option('--accept-new-triggers', 'take triggers and views that an uploaded backup brings')
    .action((name = 'latest', flags) => run(restore(name, flags)));
  add('compare <from> [to]')
    .description('what is different from one backup to another, or to the live database (live)')
    .action((from, to = 'live') => run(compare(from, to)));
  add('cleanup')
    .description('remove what retention does not want')
    .option('--dry-run', 'only show it')
    .action((flags) => run(cleanup(flags)));
  add('remove <name>')
    .description('remove one backup')
    .action((name) => run(remove(name)));
  add('pin <name>')
    .description('keep a backup from being removed')
    .option('--off', 'let it be removed again')
    .action((name, flags) => run(pin(name, flags)));
  add('health')
    .description('whether the database and its backups are well')
    .action(() => begin(health));
  add('export <name> [file]')
    .description('copy a backup to a file')
    .action((name, file) => run(exportBackup(name, file)));
  add('import <file>')
    .description('make a backup of a file from elsewhere')
    .option('--notes <text>')
    .option('--sha256 <hex>', 'what the file must have')
    .action((file, flags) => begin(importBackup(file, flags)));
  add('migrate <command...>')
    .description('run a migration command with a backup before it: migrate -- npm run db:migrate')
    .option('--label <text>')
    .addOption(new Option('--on-failure <what>').choices(['restore', 'keep']).default('restore'))
    .option('--may-empty <table...>', 'tables that may lose all their rows')
    .passThroughOptions()
    .action((command, flags) => begin(migrate(command, flags)));
  add('doctor')
    .description('what would go wrong, with what mends it')
    .action(() => doctor(globals));
  return program;
}

function whole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}
