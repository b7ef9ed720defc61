import { missingTables } from '../system/missing-tables.js';
import { type Assessment, AssessmentBuilder, commands } from './finding.js';

/** What was found of the live database. */
export interface DatabaseState {
  readonly state: 'missing' | 'empty' | 'unreadable' | 'locked' | 'unknown' | 'readable';
  readonly tables: readonly string[];
  /** By table, of those that were counted. */
  readonly rows: Readonly<Record<string, number>>;
  /** Of `minimumRows`, by its names: how many there are, counted no further than that. */
  readonly minimums: Readonly<Record<string, number>>;
  /** Tables that cannot be read to their end. */
  readonly damaged: readonly string[];
  readonly userVersion: number | null;
  /** What is known to be wrong with the version of the engine. */
  readonly engineBug: string | null;
  readonly journalMode: string | null;
}

const nothingSeen = {
  tables: [],
  rows: {},
  minimums: {},
  damaged: [],
  userVersion: null,
  engineBug: null,
  journalMode: null,
} as const;
/** One that another connection keeps locked is there, and more cannot be told. */
export const lockedDatabase: DatabaseState = { state: 'locked', ...nothingSeen };
/** One that could not be looked at, as for want of permission; the cause is told to the host's log. */
export const unseenDatabase: DatabaseState = { state: 'unknown', ...nothingSeen };

/** What the host knows of its own data. */
export interface Expectations {
  readonly requiredTables: readonly string[];
  readonly minimumRows: Readonly<Record<string, number>>;
  readonly expectedUserVersion?: number | undefined;
}

export const tablesExpected = ({ requiredTables, minimumRows }: Expectations): readonly string[] => [
  ...new Set([...requiredTables, ...Object.keys(minimumRows)]),
];

const states = {
  missing: 'The live database file is missing.',
  unreadable: 'The live database file cannot be opened as a database.',
  unknown: 'The live database file could not be looked at: it must be a file that the application may read and write.',
  empty: 'The live database has no tables: it was never initialised, or something emptied it.',
} as const;

/** Backups by their names, or as `latest`; null for none. */
export interface WaysBack {
  /** The newest one that has what the application needs. */
  readonly whole: string | null;
  /**
   * The same, or else the newest one of this database that has rows. A deploy that makes a table and one that loses the
   * database may be the same one, and where nothing is left its rows come first; the table comes with a migration.
   */
  readonly overNothing: string | null;
}

/** Says whether the application can work with this database. */
export function assessDatabase(found: DatabaseState, wanted: Expectations, ways: WaysBack): Assessment {
  const { state, tables, minimums, damaged, userVersion, engineBug } = found;
  const restorable = state === 'readable' ? ways.whole : ways.overNothing;
  const critical = (
    message: string,
    command: string = restorable === null ? commands.migrate : commands.restore(restorable),
  ) => ({ severity: 'critical', message, command }) as const;
  const missing = new Set(missingTables(tablesExpected(wanted), tables));
  const report = new AssessmentBuilder();
  const isReadable = state === 'readable';
  report.check('database_exists', state !== 'missing', critical(states.missing));
  const isRead = state !== 'unreadable' && state !== 'unknown';
  const unread = state === 'unknown' ? critical(states.unknown, commands.doctor) : critical(states.unreadable);
  report.check('database_readable', state === 'missing' ? null : isRead, unread);
  report.check('database_unlocked', state === 'missing' || !isRead ? null : state !== 'locked', {
    severity: 'degraded',
    message: 'The live database is locked: look for a process that has left a transaction open.',
    command: commands.doctor,
  });
  const hasContent = isReadable || state === 'empty' ? isReadable : null;
  report.check('database_initialized', hasContent, critical(states.empty));
  for (const table of tablesExpected(wanted))
    report.check(`has_${table}`, isReadable ? !missing.has(table) : null, critical(`The table ${table} is missing.`));
  for (const [table, least] of Object.entries(wanted.minimumRows)) {
    const count = Object.hasOwn(minimums, table) ? minimums[table] : undefined;
    const passed = count === undefined ? null : count >= least;
    report.check(
      `rows_${table}`,
      passed,
      critical(`The table ${table} has ${count} rows; it must have at least ${least}.`),
    );
  }
  for (const table of damaged) report.check(`reads_${table}`, false, critical(`The table ${table} is damaged.`));
  const { expectedUserVersion: expected } = wanted;
  if (expected !== undefined) {
    const message = `The schema is too old: its user_version is ${userVersion}, the application needs ${expected}.`;
    const passed = userVersion === null || !isReadable ? null : userVersion >= expected;
    report.check('schema_version', passed, critical(message, commands.migrate));
  }
  report.check('engine_sound', engineBug === null, {
    severity: 'degraded',
    message: engineBug ?? '',
    command: commands.updateEngine,
  });
  return report.build();
}
