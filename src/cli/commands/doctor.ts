import { access, constants, readdir, readlink, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemCode } from '../../errors.js';
import { mapLimited } from '../../system/map-limited.js';
import { realPath } from '../../system/real-path.js';
import type { Command, CommandContext } from '../command.js';
import { spellBytes } from '../terminal.js';
import { healthCodes } from './health.js';

interface Diagnosis {
  readonly check: string;
  /** `note`: nothing is wrong, but it is good to know. */
  readonly verdict: 'ok' | 'note' | 'warning' | 'critical';
  readonly message: string;
  /** What mends it. */
  readonly fix: string | null;
}

const marks = { ok: '+', note: 'i', warning: '!', critical: 'x' } as const;
const styles = { ok: 'green', note: 'dim', warning: 'yellow', critical: 'red' } as const;

/** Says in one screen what would go wrong, each with its fix. */
export const doctor: Command = async (context) => {
  const { service, terminal } = context;
  const { findings, checks } = await service.health();
  const found: Diagnosis[] = findings.map(({ check, severity, message, command }) => ({
    check,
    verdict: severity === 'critical' ? 'critical' : 'warning',
    message,
    fix: `Run: ${command}`,
  }));
  const passed = Object.entries(checks).filter(([, passes]) => passes === true);
  const diagnoses: Diagnosis[] = [
    ...found,
    ...passed.map(([check]) => ({ check, verdict: 'ok' as const, message: check.replaceAll('_', ' '), fix: null })),
    ...(await examineSurroundings(context)),
  ];
  const worst = (['critical', 'warning'] as const).find((level) => diagnoses.some(({ verdict }) => verdict === level));
  terminal.tell(
    { diagnoses },
    diagnoses.flatMap((diagnosis) => linesOf(diagnosis, context)),
  );
  return worst === undefined ? 0 : healthCodes[worst === 'critical' ? 'critical' : 'degraded'];
};

function linesOf({ verdict, message, fix }: Diagnosis, { terminal }: CommandContext): string[] {
  return [
    `${terminal.style(styles[verdict], marks[verdict])} ${message}`,
    ...(fix === null || verdict === 'ok' ? [] : [`    ${fix}`]),
  ];
}

/** What lies outside the database and its backups. */
async function examineSurroundings(context: CommandContext): Promise<Diagnosis[]> {
  const { settings, service } = context;
  const { database } = settings.options;
  const file = typeof database === 'string' ? resolve(database) : database.liveFile;
  const stats = await service.stats();
  return [
    ...(file === null ? [] : [await examineJournal(service), await examineUsers(file), await examineAccess(file)]),
    examineRoom(stats, file === null ? 0 : await sizeOf(file)),
    examineRetention(stats, file === null ? 0 : await sizeOf(file)),
    examineClock(stats),
    { check: 'versions', verdict: 'note', message: `Node ${process.version}`, fix: null },
  ];
}

async function examineJournal(service: CommandContext['service']): Promise<Diagnosis> {
  const { journalMode } = await service.examine();
  if (journalMode === null)
    return { check: 'journal_mode', verdict: 'note', message: 'The journal mode cannot be read.', fix: null };
  if (journalMode === 'wal') return { check: 'journal_mode', verdict: 'ok', message: 'WAL mode', fix: null };
  const message = `The journal mode is ${journalMode}: writers and readers wait for each other, and for a backup.`;
  return { check: 'journal_mode', verdict: 'warning', message, fix: 'Run once: PRAGMA journal_mode = WAL' };
}

/** Which other processes have it open, as far as this user may see. */
async function examineUsers(file: string): Promise<Diagnosis> {
  const seen = await processesWith(realPath(file));
  const told = (message: string): Diagnosis => ({ check: 'other_writers', verdict: 'note', message, fix: null });
  if (seen === null) return told('Which processes have the database open cannot be told on this system.');
  const { users, hidden } = seen;
  const blind = hidden ? ' Processes of other users cannot be seen.' : '';
  if (users.length === 0) return told(`No other process has the database open.${blind}`);
  return told(`The database is open in ${users.length === 1 ? 'process' : 'processes'} ${users.join(', ')}.${blind}`);
}

/** Of /proc, where there is one. */
async function processesWith(file: string): Promise<{ users: readonly string[]; hidden: boolean } | null> {
  const ids = await readdir('/proc').catch(() => null);
  if (ids === null) return null;
  let hidden = false;
  const open = await mapLimited(
    ids.filter((id) => /^\d+$/.test(id) && id !== String(process.pid)),
    16,
    async (id) => {
      const descriptors = await readdir(`/proc/${id}/fd`).catch((error: unknown) => {
        hidden ||= systemCode(error) === 'EACCES';
        return [];
      });
      const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${id}/fd/${fd}`).catch(() => '')));
      return targets.includes(file) ? [id] : [];
    },
  );
  return { users: open.flat(), hidden };
}

async function examineAccess(file: string): Promise<Diagnosis> {
  const check = 'permissions';
  try {
    await access(file, constants.R_OK | constants.W_OK);
    const { mode } = await stat(file);
    if ((mode & 0o007) === 0) return { check, verdict: 'ok', message: 'The database is private.', fix: null };
    const message = `Every user of this machine may ${(mode & 0o002) === 0 ? 'read' : 'write to'} the database.`;
    return { check, verdict: 'warning', message, fix: 'Run: chmod o-rwx on the database file' };
  } catch {
    const message = 'The database file is not there, or this user may not read and write it.';
    return { check, verdict: 'warning', message, fix: 'Run this command as the user of the application.' };
  }
}

type Stats = Awaited<ReturnType<CommandContext['service']['stats']>>;

function examineRoom({ freeBytes }: Stats, liveBytes: number): Diagnosis {
  const check = 'room_for_restore';
  if (freeBytes === null) return { check, verdict: 'note', message: 'The free space cannot be told.', fix: null };
  // A staged copy, a safety backup, and a log as large as the backup.
  const needed = 3 * liveBytes;
  const message = `${spellBytes(freeBytes)} are free; a restore takes up to ${spellBytes(needed)}.`;
  if (freeBytes >= needed) return { check, verdict: 'ok', message, fix: null };
  return { check, verdict: 'critical', message, fix: 'Free space on the file system of the backups.' };
}

function examineRetention({ retention }: Stats, liveBytes: number): Diagnosis {
  const check = 'retention';
  const { maxTotalSize } = retention;
  if (maxTotalSize === undefined || maxTotalSize >= 2 * liveBytes)
    return { check, verdict: 'ok', message: 'Retention has room for more than one backup.', fix: null };
  const message = `\`retention.maxTotalSize\` (${spellBytes(maxTotalSize)}) has room for one backup at most.`;
  return { check, verdict: 'warning', message, fix: 'Raise it to several times the size of the database.' };
}

/** Earlier than this release no clock can be right. */
const released = Date.UTC(2026, 0, 1);

function examineClock({ newest }: Stats): Diagnosis {
  const check = 'clock';
  const now = Date.now();
  const fix = 'Set the clock of this machine, by NTP if it can.';
  if (now < released) return { check, verdict: 'critical', message: 'The clock of this machine is wrong.', fix };
  if (newest !== null && Date.parse(newest.createdAt) > now + 60_000)
    return { check, verdict: 'warning', message: 'A backup is from the future: the clock was or is wrong.', fix };
  return { check, verdict: 'ok', message: 'The clock is later than all backups.', fix: null };
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );
