import type { ErrorCode } from '../error-table.js';
import type { BackupError } from '../errors.js';
import type { ServiceEvents } from '../events/service-events.js';
import type { TroubleEvent } from '../options/notify-options.js';
import type { Facts } from './notifier.js';
import { type KnownTrouble, type Occurrence, oneLine, subjectOf, type Trouble } from './occurrence.js';

/** The cause of an internal error is for the host's log alone. */
type ToldEvents = Omit<ServiceEvents, 'internal.error'>;
type Readers = { readonly [Name in keyof ToldEvents]: (payload: ToldEvents[Name]) => Occurrence };

const nothing: Occurrence = {};
const isAbout = (event: TroubleEvent, ...names: string[]) => {
  const subjects = new Set(names.map(subjectOf));
  return ({ trouble }: KnownTrouble): boolean => trouble.event === event && subjects.has(trouble.subject);
};

/** What each event of the service means: trouble, the end of trouble, or news. */
export const readEvent: Readers = {
  operation: ended,
  'backup.created': created,
  // What somebody sent and was refused says nothing of the backups of this database.
  'backup.failed': ({ operation, error }) => (operation.type === 'upload' ? nothing : failure('backup.failed', error)),
  'backup.verified': ({ filename, level }) => ({
    notice: { event: 'backup.verified', what: `${filename} passed its verification (${level}).`, facts: { filename } },
    // A quick look does not take back what a full one found.
    recovers: (known) =>
      isAbout('backup.damaged', filename)(known) && (level !== 'quick' || known.trouble.facts.level === 'quick'),
  }),
  'backup.damaged': ({ filename, level, problems }) => ({
    trouble: {
      event: 'backup.damaged',
      subject: subjectOf(filename),
      code: 'backup_damaged',
      what: oneLine(`${filename} did not pass its verification (${level}): ${problems.join(' ')}`),
      hint: 'Create a new backup now, verify the others, and do not restore this one.',
      facts: { filename, level },
    },
  }),
  'restore.finished': ({ restored, safetyBackup }) => ({
    notice: {
      event: 'restore.finished',
      what: `The live database was replaced by ${restored}; what it had before is in ${safetyBackup}.`,
      facts: { restored, safetyBackup },
    },
    recovers: ({ trouble }) => trouble.event === 'restore.failed',
  }),
  'restore.failed': ({ error }) => failure('restore.failed', error),
  'restore.interrupted': interrupted,
  'database.validated': validated,
  'cleanup.finished': ({ dryRun, deleted, failed, freedBytes }) =>
    dryRun
      ? nothing
      : {
          notice: {
            event: 'cleanup.finished',
            what: `Retention removed ${deleted.length} backups and freed ${freedBytes} bytes; ${failed.length} could not be removed.`,
            facts: { deleted: deleted.length, failed: failed.length, freedBytes },
          },
          forgets: isAbout('backup.damaged', ...deleted.map(({ filename }) => filename)),
        },
  'schedule.missed': ({ dueAt, reason, runs }) => ({
    trouble: {
      event: 'schedule.missed',
      subject: reason,
      code: null,
      what:
        reason === 'still_running'
          ? `The backup that was due at ${dueAt} was left out, because the one before it was still running.`
          : `${runs === 1 ? 'The backup' : `The first of ${runs} backups`} that was due at ${dueAt} was not made, because the application was not running.`,
      hint:
        reason === 'still_running'
          ? 'Find out what makes backups slow, or schedule them less often.'
          : 'Find out why the application was not running; one backup is made in place of those that were missed.',
      facts: { dueAt, reason, runs },
    },
  }),
  'table.shrank': ({ table, filename, previous, before, after }) => ({
    trouble: {
      event: 'table.shrank',
      subject: subjectOf(table),
      code: null,
      what: oneLine(
        `Table ${table} had ${before} rows in ${previous} and ${after === null ? 'is gone' : 'has none'} in ${filename}.`,
      ),
      hint: `If that was not meant, pin ${previous}, before retention removes it, and restore it.`,
      facts: { table: oneLine(table), before, after, filename, previous },
    },
  }),
  'disk.low': ({ freeBytes, neededBytes }) => ({
    trouble: {
      event: 'disk.low',
      subject: '',
      code: null,
      what: `${freeBytes} bytes are free where the backups lie; the next two need about ${neededBytes}.`,
      hint: 'Free space there, or lower `retention`.',
      facts: { freeBytes, neededBytes },
    },
  }),
};

function created({ filename, kind, size, tables }: ToldEvents['backup.created']): Occurrence {
  const facts = { filename, kind, size };
  const notice = { event: 'backup.created', what: `${filename} was created (${kind}, ${size} bytes).`, facts } as const;
  if (kind === 'uploaded') return { notice };
  const filled = Object.keys(tables).filter((table) => (tables[table] ?? 0) > 0);
  const isFilled = isAbout('table.shrank', ...filled);
  return {
    notice,
    recovers: (known) =>
      known.trouble.event === 'backup.failed' ||
      (known.trouble.event === 'schedule.missed' && kind === 'scheduled') ||
      isFilled(known),
  };
}

/** What the caller has mistaken, or wished as a cancel, is answered to the caller and is nobody else's trouble. */
const callersOwn: readonly ErrorCode[] = [
  'operation_cancelled',
  'invalid_request',
  'backup_not_found',
  'backup_changed',
  'backup_incompatible',
  'untrusted_objects',
];

function failure(event: 'backup.failed' | 'restore.failed', error: BackupError): Occurrence {
  const { code, title, hint, message, facts } = error;
  if (callersOwn.includes(code)) return nothing;
  const detail = code === 'internal_error' ? `${title} (${String(facts.instance)}).` : message;
  return { trouble: { event, subject: code, code, what: oneLine(detail), hint, facts: plainFacts(facts) } };
}

function plainFacts(facts: Readonly<Record<string, unknown>>): Facts {
  const plain = Object.entries(facts).filter(([, value]) => ['string', 'number'].includes(typeof value));
  return Object.fromEntries(
    plain.map(([name, value]) => [name, typeof value === 'string' ? oneLine(value) : value]),
  ) as Facts;
}

function validated({ ok, findings }: ToldEvents['database.validated']): Occurrence {
  if (ok) return { recovers: ({ trouble }) => trouble.event === 'database.invalid' };
  const critical = findings.filter(({ severity }) => severity === 'critical');
  const trouble: Trouble = {
    event: 'database.invalid',
    subject: '',
    code: 'database_invalid',
    what: oneLine(critical.map(({ message }) => message).join(' ')),
    hint: oneLine(`Run: ${critical[0]?.command}`),
    facts: { findings: critical.length },
  };
  return { trouble };
}

const contents = {
  old: 'The live database is as it was before.',
  new: 'The live database has the content of the backup.',
  unknown: 'Whether the live database has the old or the new content cannot be told.',
};
const advice = {
  old: 'Start the restore again if it is still wanted.',
  new: 'Check that the application works; what it had before is in the safety backup.',
  unknown: 'Look at the data, and restore the backup or the safety backup if it is not what you want.',
};

function interrupted(report: ToldEvents['restore.interrupted']): Occurrence {
  const { operation, startedAt, startedBy, restored, live, safetyBackup } = report;
  const trouble: Trouble = {
    event: 'restore.interrupted',
    subject: subjectOf(operation),
    code: null,
    what: oneLine(
      `The restore of ${restored} by ${startedBy}, begun at ${startedAt}, ended with its process. ${contents[live]}`,
    ),
    hint: advice[live],
    facts: { operation, restored, live, safetyBackup },
  };
  return { trouble };
}

/** The disk is told to be low before the create ends that found it so: one that ended since without that found room. */
function ended({ type, state, startedAt, result }: ToldEvents['operation']): Occurrence {
  if (state !== 'succeeded') return nothing;
  if (type === 'create')
    return { recovers: ({ trouble, lastAt }) => trouble.event === 'disk.low' && lastAt < startedAt };
  const { filename } = (result ?? {}) as { filename?: unknown };
  if (type === 'remove' && typeof filename === 'string') return { forgets: isAbout('backup.damaged', filename) };
  return nothing;
}
