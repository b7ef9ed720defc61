import { resolve } from 'node:path';
import { BackupError } from '../../../errors.js';
import type { BackupService } from '../../../operations/backup-service.js';
import { becomeOwner } from '../../become-owner.js';
import { runToItsEnd } from '../../command.js';
import { type GlobalFlags, loadSettings, openService, type Settings } from '../../config.js';
import type { Terminal } from '../../terminal.js';
import { healthCodes } from '../health.js';
import { type Diagnosis, examined, passed } from './diagnosis.js';
import { examineAccess, examineJournal, examineVersions, sizeOf } from './examine-database.js';
import { examineClock, examineRetention, examineRoom } from './examine-stats.js';
import { examineUsers } from './examine-users.js';
import { examineFiles, examineVault, refusal } from './examine-vault.js';

const marks = { ok: '+', note: 'i', warning: '!', critical: 'x' } as const;
const styles = { ok: 'green', note: 'dim', warning: 'yellow', critical: 'red' } as const;

/** Says in one screen what would go wrong, each with its fix; also where the backups cannot be used at all. */
export function doctor(flags: GlobalFlags): Promise<void> {
  return runToItsEnd(flags, async (terminal) => {
    const settings = await loadSettings(flags);
    becomeOwner(settings, terminal);
    const diagnoses = await diagnose(settings);
    const worst = (['critical', 'warning'] as const).find((level) =>
      diagnoses.some(({ verdict }) => verdict === level),
    );
    terminal.tell(
      { diagnoses },
      diagnoses.flatMap((diagnosis) => linesOf(diagnosis, terminal)),
    );
    return worst === undefined ? 0 : healthCodes[worst === 'critical' ? 'critical' : 'degraded'];
  });
}

function linesOf({ verdict, message, fix }: Diagnosis, terminal: Terminal): string[] {
  return [
    `${terminal.style(styles[verdict], marks[verdict])} ${message}`,
    ...(fix === null || verdict === 'ok' ? [] : [`    ${fix}`]),
  ];
}

async function diagnose(settings: Settings): Promise<Diagnosis[]> {
  const { database } = settings.options;
  const live = typeof database === 'string' ? resolve(database) : database.liveFile;
  // Above all else: what the rest advises may stop the only process that still has the data.
  const users = live === null ? [] : await examined('other_writers', () => examineUsers(live));
  const within = await examineByService(settings, live);
  const access = live === null ? [] : await examined('permissions', () => examineAccess(live));
  return [...users, ...within, ...access, ...(await examined('versions', examineVersions))];
}

/** A place that cannot be that of the vault is refused before there is a service. */
async function examineByService(settings: Settings, live: string | null): Promise<Diagnosis[]> {
  let service: BackupService;
  try {
    service = openService(settings);
  } catch (error) {
    if (!(error instanceof BackupError) || error.code !== 'vault_refused') throw error;
    return [refusal(settings.options.directory, error)];
  }
  try {
    return [
      ...(await examineHealth(service, settings)),
      ...(live === null ? [] : await examined('journal_mode', () => examineJournal(service))),
      ...(await examineBackups(service, settings, live)),
    ];
  } finally {
    await service.close();
  }
}

async function examineHealth(service: BackupService, { options }: Settings): Promise<readonly Diagnosis[]> {
  const vault = await examineVault(service, options.directory);
  const health = await examined('health', async () => {
    const { findings, checks } = await service.health();
    // Why they cannot be read is told above; the health report could only name this command.
    const others = findings.filter(({ check }) => check !== 'backups_readable');
    const wrong = others.map(({ check, severity, message, command }): Diagnosis => {
      return { check, verdict: severity === 'critical' ? 'critical' : 'warning', message, fix: `Run: ${command}` };
    });
    const sound = Object.entries(checks).filter(([, passes]) => passes === true);
    return [...wrong, ...sound.map(([check]) => passed(check, check.replaceAll('_', ' ')))];
  });
  return [...vault, ...health, ...(await examined('vault_files', () => examineFiles(options.directory)))];
}

/** Without a vault that can be read there is nothing of this to be told. */
async function examineBackups(
  service: BackupService,
  settings: Settings,
  live: string | null,
): Promise<readonly Diagnosis[]> {
  const stats = await service.stats().catch(() => null);
  if (stats === null) return [];
  const liveBytes = live === null ? 0 : (await sizeOf(live)) + (await sizeOf(`${live}-wal`));
  return [
    ...(await examined('room_for_restore', () => examineRoom(stats, liveBytes))),
    ...(await examined('retention', () => examineRetention(settings, stats, liveBytes))),
    ...(await examined('clock', () => examineClock(stats))),
  ];
}
