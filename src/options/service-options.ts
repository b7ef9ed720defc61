import { z } from 'zod';
import { auditSchema } from './audit-options.js';
import { duration, longestTimerMs } from './duration.js';
import { loggerSchema } from './logger-option.js';
import { metricsSchema } from './metrics-option.js';
import { notifySchema } from './notify-options.js';
import { retentionSchema } from './retention.js';
import { scheduleSchema, verifyEverySchema } from './schedule.js';
import { snapshotMethods } from './snapshot-method.js';

/** The one home of every default of the service. */
export const serviceDefaults = {
  uploadBytes: 1024 ** 3,
  operationMs: 10 * 60_000,
  restoreWaitMs: 10_000,
  verifyOnCreate: 'quick',
} as const;

const milliseconds = z.int().min(1).max(longestTimerMs);
const bytes = z.int().min(1);

const limitsSchema = z
  .strictObject({
    /** Bytes of the largest file that is accepted as an upload. */
    uploadBytes: bytes.default(serviceDefaults.uploadBytes),
    /** Bytes of the largest live database that is backed up; without it any. */
    backupBytes: bytes.optional(),
    /** An operation that takes longer is ended and undone. */
    operationMs: milliseconds.default(serviceDefaults.operationMs),
    /** How long a restore tries to win the write lock of the live database. */
    restoreWaitMs: z.int().min(0).max(longestTimerMs).default(serviceDefaults.restoreWaitMs),
  })
  .prefault({});

/** What a filename may begin with: letters, digits, `_`, `-`, `.`; it must not look like a sidecar or a hidden file. */
const prefixPattern = /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/;
/** Windows takes them for a device, whatever follows the dot. */
const devicePattern = /^(?:CON|PRN|AUX|NUL|COM\d|LPT\d)\./i;
const longestPrefix = 100;

const isEngine = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { snapshot?: unknown }).snapshot === 'function';
const databaseSchema = z.custom<unknown>(
  (value) => (typeof value === 'string' && isDatabasePath(value)) || isEngine(value),
  'the path of a database file, or an engine such as sqlite({ path })',
);

function isDatabasePath(path: string): boolean {
  return path.trim() !== '' && !path.includes('\0') && path !== ':memory:' && !path.startsWith('file:');
}

/** Given the path of a database. */
type HostCheck = (databasePath: string) => unknown;

/** A promise it returns is waited for; what else it returns is of no interest. */
type HostStep = () => unknown;
const connectionStep = z.custom<HostStep>((value) => typeof value === 'function', 'a function');
const connectionSchema = z.strictObject({ close: connectionStep, reopen: connectionStep });
export type HostConnection = z.output<typeof connectionSchema>;

const optionsSchema = z.strictObject({
  database: databaseSchema,
  /** The vault: a private directory that belongs to this database alone. It is made when it is missing. */
  directory: z
    .string()
    .min(1)
    .refine((path) => !path.includes('\0'), 'a path without a NUL character'),
  /** What filenames begin with; without it the database's base name. */
  prefix: z
    .string()
    .max(longestPrefix)
    .regex(prefixPattern, 'made of letters, digits, "_", "-" and single inner dots')
    .refine((prefix) => !devicePattern.test(prefix), 'a name that is no device of Windows')
    .optional(),
  /** Which backups stay after a create or a cleanup. */
  retention: retentionSchema,
  /** When `start` has backups made by itself; `false` for never. */
  schedule: scheduleSchema,
  /** How often `start` has every stored backup verified again; `false` for never. */
  verifyEvery: verifyEverySchema,
  limits: limitsSchema,
  /** How thoroughly a new backup is checked before it is published. */
  verifyOnCreate: z.enum(['none', 'quick', 'full']).default(serviceDefaults.verifyOnCreate),
  /** Tables without which the live database is not backed up as sound, nor a restore accepted. */
  requiredTables: z.array(z.string().min(1)).default([]),
  /** How many rows these tables have at least, such as `{ users: 1 }`; they are required too. */
  minimumRows: z.record(z.string().min(1), z.int().min(0)).default({}),
  /** Tables that may lose all their rows, or be dropped, as an outbox: nobody is told of it, and no backup stays for it. */
  mayEmpty: z.array(z.string().min(1)).default([]),
  /** The `user_version` that the application's migrations lead to; a lower one is a schema that is too old. */
  expectedUserVersion: z.int().min(0).optional(),
  /**
   * What the application knows of its own data: given the path of a database, it opens it, looks, changes nothing, and
   * closes it again. One that throws, rejects or returns false makes a validation, or a drill on a restored copy, fail.
   */
  check: z.custom<HostCheck>((value) => typeof value === 'function', 'a function').optional(),
  /** What `start` does when the live database is not what it must be: tell of it, or reject with `database_invalid`. */
  onInvalid: z.enum(['warn', 'throw']).default('warn'),
  /** Makes the tables of a live database that is missing or has none; `start` calls it then and never otherwise. */
  initialize: z.custom<HostStep>((value) => typeof value === 'function', 'a function').optional(),
  /** The age beyond which the newest backup is too old; twice the schedule's longest wait unless told otherwise. */
  maxBackupAge: duration({ leastMs: 1_000, mostMs: 10 * 365 * 86_400_000 }).optional(),
  /**
   * How the application closes its connections and opens them again. With it a live file that cannot be opened, or is
   * missing, is replaced by a restore; without it such a restore is refused.
   */
  connection: connectionSchema.optional(),
  /** How the copy of a SQLite file is made; for an engine of your own making it is an option of the engine. */
  snapshot: z.enum(snapshotMethods).optional(),
  /** Who is told of what happens: made by `email`, `webhook`, `slack` and `heartbeat`. */
  notify: notifySchema,
  /** What was done, by whom, and what was refused: `audit.jsonl` in the vault. `false` writes nothing down. */
  audit: auditSchema,
  /** Folders that the application serves; a vault inside one is refused. */
  staticRoots: z.array(z.string().min(1)).default([]),
  /** Where metrics go: a registry of prom-client. */
  metrics: metricsSchema.optional(),
  /** Where lines about operations go, and the causes of internal errors; without it the package is silent. */
  logger: loggerSchema.optional(),
});

export const serviceOptionsSchema = optionsSchema.refine(
  ({ database, snapshot }) => snapshot === undefined || typeof database === 'string',
  { path: ['snapshot'], error: 'given to the engine, as in sqlite({ path, snapshot })' },
);

export type ParsedServiceOptions = z.output<typeof serviceOptionsSchema>;
