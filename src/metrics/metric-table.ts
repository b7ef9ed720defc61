/** How the values of several workers of a cluster become one: they look at one vault, but each counts its own. */
type Merge = 'sum' | 'max' | 'min';

export interface MetricRow {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly merge: Merge;
  readonly help: string;
}

/** Every metric, without its prefix. All carry the label `database`; labels beyond that are named in the help. */
export const metricTable = {
  vault_readable: {
    type: 'gauge',
    merge: 'min',
    help: 'Whether the vault could be read at this scrape; when not, what only the vault knows is left out.',
  },
  last_success_timestamp_seconds: {
    type: 'gauge',
    merge: 'max',
    help: 'When the newest backup was made that is neither a safety backup nor uploaded nor known to be damaged.',
  },
  last_success_age_seconds: { type: 'gauge', merge: 'min', help: 'Age of that backup at this scrape.' },
  last_success_size_bytes: { type: 'gauge', merge: 'max', help: 'Size of that backup.' },
  backups: { type: 'gauge', merge: 'max', help: 'Backups in the vault by kind; stray is a file without a manifest.' },
  stored_bytes: { type: 'gauge', merge: 'max', help: 'Bytes of the backups in the vault by kind.' },
  free_bytes: { type: 'gauge', merge: 'min', help: 'Bytes that are free on the file system of the vault.' },
  last_verification_timestamp_seconds: {
    type: 'gauge',
    merge: 'max',
    help: 'When a backup that is in the vault was last verified, at its creation or later.',
  },
  last_verification_ok: {
    type: 'gauge',
    merge: 'min',
    help: 'Outcome of that verification: 1 sound, 0 damaged.',
  },
  oldest_verification_timestamp_seconds: {
    type: 'gauge',
    merge: 'min',
    help: 'When the backup that has waited longest was verified, or made if it never was.',
  },
  damaged_backups: {
    type: 'gauge',
    merge: 'max',
    help: 'Backups in the vault whose last verification found damage, by kind.',
  },
  failures_in_row: {
    type: 'gauge',
    merge: 'max',
    help: 'Backups that failed since the newest one that succeeded, counted since this process started.',
  },
  operations_total: { type: 'counter', merge: 'sum', help: 'Operations that ended, by type and outcome.' },
  restores_total: {
    type: 'counter',
    merge: 'sum',
    help: 'Restores by outcome; interrupted is one whose process ended in its middle, found by a later start.',
  },
  damage_found_total: { type: 'counter', merge: 'sum', help: 'Verifications that found a damaged backup.' },
  shrunk_tables_total: {
    type: 'counter',
    merge: 'sum',
    help: 'Tables that had rows in one backup and none in the next.',
  },
  missed_runs_total: { type: 'counter', merge: 'sum', help: 'Scheduled runs that did not take place, by reason.' },
  internal_errors_total: { type: 'counter', merge: 'sum', help: 'Faults whose cause only the log tells.' },
  duration_seconds: { type: 'histogram', merge: 'sum', help: 'How long the backups took that were made.' },
  size_bytes: { type: 'histogram', merge: 'sum', help: 'Sizes of the backups that were made.' },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricTable;
export const metricNames = Object.keys(metricTable) as MetricName[];

export const metricPrefix = 'express_db_backup_';

/** One value as a registry prints it. Labels beside `database`. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** What is appended to the name, as the parts of a histogram have it. */
  readonly ending?: '_bucket' | '_sum' | '_count';
}

export const one = (value: number): Sample[] => [{ labels: {}, value }];
