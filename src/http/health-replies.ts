import { isAboutBackups } from '../health/assess-backups.js';
import { commands, type Finding } from '../health/finding.js';
import { type HealthReport, messageOf, statusOf } from '../health/verdict.js';
import type { Reply } from './handler.js';

/** Of the application as it is, or of its database whatever its backups are. */
export type Part = 'whole' | 'database';

type Body = Pick<HealthReport, 'status' | 'message'> & Partial<HealthReport>;

const whole = ({ findings: _findings, ...body }: HealthReport): Body => body;

const aboutDatabase = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter(({ check }) => !isAboutBackups(check));

/** The checks that are not about backups, and the status by them alone. */
function databaseAlone({ checks, database, findings }: HealthReport): Body {
  const found = aboutDatabase(findings);
  const made = Object.entries(checks).filter(([check]) => !isAboutBackups(check));
  const message = found.length === 0 ? publicMessage([], 'database') : messageOf(found);
  return { status: statusOf(found), message, checks: Object.fromEntries(made), database };
}

/** What anyone may know: neither a name nor a number of what is in the database. */
function publicMessage(findings: readonly Finding[], part: Part): string {
  const status = statusOf(findings);
  if (status === 'healthy') return part === 'whole' ? messageOf([]) : 'The database is well.';
  const what = status === 'critical' ? 'The application cannot work with its database' : whatNeedsAttention(findings);
  return `${what}. Run: ${commands.doctor}`;
}

function whatNeedsAttention(findings: readonly Finding[]): string {
  const found = aboutDatabase(findings).length;
  if (found === 0) return 'The database works, but its backups need attention';
  return found === findings.length ? 'The database needs attention' : 'The database and its backups need attention';
}

/** A reply for those who may know, and one for all others. */
export type Replies = Readonly<Record<'known' | 'unknown', Reply>>;

const spell = (body: Body): Reply => ({
  status: body.status === 'critical' ? 503 : 200,
  body: Buffer.from(JSON.stringify(body)),
});

function spellBoth(body: Body, findings: readonly Finding[], part: Part): Replies {
  const { status } = body;
  return { known: spell(body), unknown: spell({ status, message: publicMessage(findings, part) }) };
}

type Spelled = Readonly<Record<Part, Replies>>;

const spelled = new WeakMap<HealthReport, Spelled>();

/** Many probes are told the same report: it is spelled once. */
export function repliesOf(report: HealthReport): Spelled {
  const { findings } = report;
  const known = spelled.get(report) ?? {
    whole: spellBoth(whole(report), findings, 'whole'),
    database: spellBoth(databaseAlone(report), aboutDatabase(findings), 'database'),
  };
  spelled.set(report, known);
  return known;
}

const unknownHealth = spell({ status: 'critical', message: `The health cannot be told. Run: ${commands.doctor}` });
/** When not even the health is known. */
export const untold: Replies = { known: unknownHealth, unknown: unknownHealth };
