import type { ErrorCode } from '../error-table.js';
import type { BackupError } from '../errors.js';

const program = 'npx express-db-backup';

/** What to do now where the error table speaks of a request, and this is a terminal. */
const hints: { readonly [Code in ErrorCode]?: string } = {
  invalid_request: `${program} <command> --help says what a command takes.`,
  invalid_filename: `Take a name from ${program} list, or latest.`,
  confirmation_required: 'Type the phrase letter for letter, or give it with --confirm.',
  forbidden: 'Run this as a user who may do it.',
  backup_not_found: `${program} list shows what there is.`,
  backup_pinned: `Unpin it first: ${program} pin <name> --off`,
  backup_changed: `Look at it again: ${program} list`,
  offline_restore_required: `Stop the application and run: ${program} restore <name>`,
  database_busy: `Try again when it is free; ${program} doctor says which processes have the database open.`,
  operation_in_progress: 'Wait until it has ended, then try again.',
  untrusted_objects: 'Read them; if they are wanted, repeat with --accept-new-triggers.',
  database_missing: `Check which file is named, and whether it was moved; ${program} restore latest puts the last backup in its place.`,
  roll_back_failed: `Stop the application and restore the safety backup, or another one that verifies: ${program} list --kind safety`,
  migration_failed: 'Mend the migration and run it again.',
  insufficient_storage: `Free space there; ${program} cleanup --dry-run shows what could go.`,
  internal_error: 'The cause is on standard error.',
};

export const hintOf = ({ code, hint }: BackupError): string => hints[code] ?? hint;
