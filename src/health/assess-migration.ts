import { type Assessment, AssessmentBuilder, commands } from './finding.js';

/** A guarded migration of which nobody knows what it has made of the database. */
export interface UnfinishedMigration {
  readonly label: string | null;
  readonly startedAt: string;
  /** From before it; null where there was no database. */
  readonly backup: string | null;
  /** `failed`: it could not be undone. `interrupted`: its process ended before it did. */
  readonly state: 'interrupted' | 'failed';
}

/**
 * Never worse than degraded: the tables tell whether the application can work with what is there.
 * @param backups those that are there: somebody may have removed the one from before it
 */
export function assessMigration(
  unfinished: UnfinishedMigration | null,
  backups: readonly { readonly filename: string }[],
): Assessment {
  const report = new AssessmentBuilder();
  if (unfinished !== null) {
    const { label, startedAt, backup, state } = unfinished;
    const name = label === null ? 'The migration' : `The migration ${label}`;
    const what =
      state === 'failed' ? 'failed and could not be undone' : 'was cut short: it may have done a part of its work';
    report.check('migration_finished', false, {
      severity: 'degraded',
      message: `${name} of ${startedAt} ${what}.`,
      command:
        backup !== null && backups.some(({ filename }) => filename === backup)
          ? commands.restore(backup)
          : commands.migrate,
    });
  }
  return report.build();
}
