export interface ErrorRow {
  readonly status: number;
  readonly title: string;
  readonly hint: string;
  readonly exitCode: number;
  /** Where waiting helps: what goes into Retry-After. */
  readonly retryAfterSeconds?: number;
}

/**
 * Every failure this package reports, in one place: the code decides the HTTP status, the title,
 * what to do now, and the exit code of a command. Codes are part of the public contract.
 */
export const errorTable = {
  invalid_options: {
    status: 500,
    exitCode: 2,
    title: 'The options do not fit',
    hint: 'Correct the named option; nothing was started.',
  },
  vault_refused: {
    status: 500,
    exitCode: 3,
    title: 'This directory cannot be the vault',
    hint: 'Choose a private directory of its own for the backups of this database.',
  },
  invalid_request: {
    status: 400,
    exitCode: 2,
    title: 'The request does not fit',
    hint: 'Correct the fields listed in `errors`.',
  },
  invalid_filename: {
    status: 400,
    exitCode: 2,
    title: 'Not the name of a backup',
    hint: 'Take a filename from the list, or `latest`.',
  },
  confirmation_required: {
    status: 400,
    exitCode: 2,
    title: 'Restoring needs the confirmation phrase',
    hint: 'Send the text in `expected` as `confirm`, letter for letter.',
  },
  unauthenticated: {
    status: 401,
    exitCode: 4,
    title: 'Authentication required',
    hint: 'Send a valid token as `Authorization: Bearer <token>`.',
  },
  forbidden: { status: 403, exitCode: 4, title: 'Not permitted', hint: 'Ask for a role that holds this permission.' },
  backup_not_found: {
    status: 404,
    exitCode: 5,
    title: 'No such backup',
    hint: 'List the backups; it may have been removed.',
  },
  operation_not_found: {
    status: 404,
    exitCode: 5,
    title: 'No such operation',
    hint: 'Finished operations are kept for a bounded number only.',
  },
  operation_in_progress: {
    retryAfterSeconds: 5,
    status: 409,
    exitCode: 6,
    title: 'Another operation is running',
    hint: 'Wait for the operation in `operation` to finish, or cancel it, then try again.',
  },
  operation_cancelled: {
    status: 409,
    exitCode: 6,
    title: 'The operation was cancelled',
    hint: 'Nothing was changed by it; start it again if it is still wanted.',
  },
  operation_interrupted: {
    status: 500,
    exitCode: 7,
    title: 'The process that ran the operation ended',
    hint: 'Look at the list of backups, then start the operation again.',
  },
  backup_in_use: {
    retryAfterSeconds: 5,
    status: 409,
    exitCode: 6,
    title: 'The backup is being read',
    hint: 'Try again when the download, verification or restore has ended.',
  },
  backup_pinned: {
    status: 409,
    exitCode: 6,
    title: 'The backup is pinned',
    hint: 'Unpin it first (PATCH with {"pinned": false}).',
  },
  offline_restore_required: {
    status: 409,
    exitCode: 8,
    title: 'The live file cannot be opened as a database',
    hint: 'Stop the application and run `npx express-db-backup restore <name>`, or give the service the option `connection`.',
  },
  backup_changed: {
    status: 412,
    exitCode: 5,
    title: 'The backup has changed',
    hint: 'List the backups again and compare the SHA-256.',
  },
  upload_too_large: {
    status: 413,
    exitCode: 2,
    title: 'The upload is too large',
    hint: 'Raise `limits.uploadBytes` if a database of this size is expected.',
  },
  range_not_satisfiable: {
    status: 416,
    exitCode: 2,
    title: 'The range lies outside the file',
    hint: 'Ask for a range within the size in `Content-Range`.',
  },
  backup_damaged: {
    status: 422,
    exitCode: 9,
    title: 'The backup did not pass verification',
    hint: 'Use another backup; the live database was not touched.',
  },
  backup_incompatible: {
    status: 422,
    exitCode: 9,
    title: 'The backup belongs to something else',
    hint: "Restore a backup that was made of this application's database.",
  },
  untrusted_objects: {
    status: 422,
    exitCode: 9,
    title: 'The uploaded backup brings triggers or views that the live database does not have',
    hint: 'Read them; if they are wanted, repeat with `acceptNewTriggers: true`.',
  },
  source_damaged: {
    status: 422,
    exitCode: 9,
    title: 'The live database did not pass its check',
    hint: 'Older backups were kept; restore the newest one that verifies.',
  },
  rate_limited: {
    retryAfterSeconds: 60,
    status: 429,
    exitCode: 6,
    title: 'Too many requests',
    hint: 'Wait for the time in Retry-After.',
  },
  restore_rolled_back: {
    status: 500,
    exitCode: 8,
    title: 'The restore was undone',
    hint: 'The database is as it was before; verify the backup that was restored.',
  },
  roll_back_failed: {
    status: 500,
    exitCode: 8,
    title: 'The restored database did not pass its check and could not be put back',
    hint: 'Stop the application and restore the backup named in `safetyBackup`, or another one that verifies.',
  },
  engine_crashed: {
    status: 500,
    exitCode: 7,
    title: 'The backup process ended unexpectedly',
    hint: 'The application was not affected; try again, and look at memory limits and the system log.',
  },
  migration_failed: {
    status: 500,
    exitCode: 10,
    title: 'The migration failed',
    hint: 'Mend the migration and run it again; `backup` holds the database from before it, `command` restores it.',
  },
  notification_failed: {
    status: 502,
    exitCode: 7,
    title: 'A notification was not delivered',
    hint: 'Check the address and the credentials of the notifier, and whether its receiver answers.',
  },
  internal_error: {
    status: 500,
    exitCode: 1,
    title: 'Internal error',
    hint: "Find the instance id in the application's log.",
  },
  database_busy: {
    retryAfterSeconds: 5,
    status: 503,
    exitCode: 6,
    title: 'The database is busy',
    hint: 'Another connection holds a lock; end long transactions and try again.',
  },
  database_missing: {
    status: 503,
    exitCode: 8,
    title: 'There is no database file',
    hint: 'Check the `database` option and whether the file was moved or deleted.',
  },
  database_invalid: {
    status: 503,
    exitCode: 8,
    title: 'The live database is not what it must be',
    hint: 'Run the command that each of the `findings` names.',
  },
  maintenance: {
    retryAfterSeconds: 2,
    status: 503,
    exitCode: 6,
    title: 'A restore is being completed',
    hint: 'Try again in a moment.',
  },
  vault_read_only: {
    status: 503,
    exitCode: 7,
    title: 'The vault cannot be written to',
    hint: 'Mount its file system writable, or give the user of the application write permission.',
  },
  tool_missing: {
    status: 503,
    exitCode: 3,
    title: 'Something this package needs is not installed',
    hint: 'Install what the detail names.',
  },
  deadline_exceeded: {
    status: 504,
    exitCode: 7,
    title: 'The operation did not end in time',
    hint: 'Nothing was changed by it; raise `limits.operationMs` if the database is very large.',
  },
  insufficient_storage: {
    status: 507,
    exitCode: 7,
    title: 'Not enough storage',
    hint: 'Free `requiredBytes` on the file system of the vault, or remove old backups.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code);
}
