import type { HealthStatus } from '../../health/verdict.js';
import type { Command } from '../command.js';
import { spellInstant } from '../terminal.js';

/** Documented exit codes: what is critical is no smaller trouble than a database that is missing. */
export const healthCodes: Readonly<Record<HealthStatus, number>> = { healthy: 0, degraded: 11, critical: 8 };
const styles = { healthy: 'green', degraded: 'yellow', critical: 'red' } as const;

export const health: Command = async ({ service, terminal }) => {
  const report = await service.health();
  const { status, findings, backups } = report;
  const last = backups.lastSuccessAt === null ? '' : `, the last of ${spellInstant(backups.lastSuccessAt)}`;
  terminal.tell(report, [
    `${terminal.style(styles[status], status)}: ${backups.count} backups${last}`,
    ...findings.flatMap(({ severity, message, command }) => [
      `  ${terminal.style(styles[severity], severity)} ${message}`,
      `    Run: ${command}`,
    ]),
  ]);
  return healthCodes[status];
};
